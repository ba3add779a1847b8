import { MemoryLogger } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import type { ClusterId } from '../../identity/membership.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import { DhtPublisher } from './publisher.ts'

/** A publisher with connections to those agents; only those of `taking` take records. */
function publisher(agents: readonly string[], taking: ReadonlySet<string>) {
  const offered: string[] = []
  const subject = new DhtPublisher({
    trust: { cluster: '0123456789abcdef' as ClusterId },
    connections: { agents: () => agents },
    logger: new MemoryLogger(),
    stopping: new AbortController().signal,
    load: async () => ({
      put: async function* (_key, { seq }) {
        offered.push(`record ${seq}`)
        yield* agents.filter((peerId) => taking.has(peerId))
      },
    }),
  })
  subject.setActive(true)
  return { subject, offered }
}

const recordOf = (seq: number): PeerRecord => ({ node: 'edge-1', seq }) as unknown as PeerRecord

async function lookTenTimes(subject: DhtPublisher, agents: readonly string[]): Promise<void> {
  for (let i = 0; i < 10; i++) {
    subject.look(agents)
    await subject.idle
  }
}

it('offers a record once to those that take it', async () => {
  const { subject, offered } = publisher(['a', 'b'], new Set(['a', 'b']))
  subject.say(recordOf(1))
  await lookTenTimes(subject, ['a', 'b'])
  expect(offered).toEqual(['record 1'])

  subject.say(recordOf(2))
  await lookTenTimes(subject, ['a', 'b'])
  expect(offered).toEqual(['record 1', 'record 2'])
})

it('offers it again to one that did not take it, but not for ever', async () => {
  const taking = new Set(['a'])
  const { subject, offered } = publisher(['a', 'b'], taking)
  subject.say(recordOf(1))
  await subject.idle
  subject.look(['a', 'b'])
  await subject.idle
  expect(offered).toHaveLength(2)

  await lookTenTimes(subject, ['a', 'b'])
  expect(offered).toHaveLength(4)
})

it('offers it to an agent that came or came again', async () => {
  const { subject, offered } = publisher(['a'], new Set(['a']))
  subject.say(recordOf(1))
  await lookTenTimes(subject, ['a'])
  expect(subject.look([])).toBe(false)
  expect(subject.look(['a'])).toBe(true)
  await subject.idle

  expect(offered).toHaveLength(2)
})
