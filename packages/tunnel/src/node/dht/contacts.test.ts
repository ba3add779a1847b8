import { MemoryLogger } from '@edgeway/testbed'
import type { Connection } from '@libp2p/interface'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { PeerRecord } from '../../records/peer-record.ts'
import { DhtContacts } from './contacts.ts'

const KEY = Buffer.from('key')

/** Peers of which some answer, and contacts that know them all. */
class Peers {
  readonly open = new Set<string>()
  readonly answering = new Set<string>()
  readonly dialled: string[] = []
  readonly contacts: DhtContacts
  looks: (readonly string[])[] = []

  constructor(count: number) {
    const records = Array.from({ length: count }, (_, index) => recordOf(`peer-${index}`))
    this.contacts = new DhtContacts({
      self: 'peer-0',
      own: () => undefined,
      logger: new MemoryLogger(),
      book: { records: () => records },
      connections: {
        agents: () => [...this.open],
        open: (peerId) => (this.open.has(peerId) ? ({} as Connection) : undefined),
        isAgent: async () => true,
        connect: async ({ peerId }) => {
          this.dialled.push(peerId)
          if (!this.answering.has(peerId)) throw new Error('no answer')
          this.open.add(peerId)
          return {} as Connection
        },
      },
    })
  }

  keep(signal: AbortSignal): Promise<void> {
    return this.contacts.keep(KEY, (agents) => this.looks.push(agents), signal)
  }
}

function recordOf(peerId: string): PeerRecord {
  const membership = { role: 'agent', issuedAt: 1 }
  return { peerId, lan: [], direct: ['x'], egress: [], membership } as unknown as PeerRecord
}

let stopping = new AbortController()

beforeEach(() => {
  vi.useFakeTimers()
  stopping = new AbortController()
})
afterEach(() => {
  stopping.abort()
  vi.useRealTimers()
})

it('keeps three of those that answer, and replaces one that is lost', async () => {
  const peers = new Peers(8)
  for (let index = 0; index < 8; index++) peers.answering.add(`peer-${index}`)
  void peers.keep(stopping.signal)
  await vi.advanceTimersByTimeAsync(0)
  expect(peers.open.size).toBe(3)
  expect(peers.open).not.toContain('peer-0')

  const [lost = ''] = peers.open
  peers.open.delete(lost)
  peers.answering.delete(lost)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(peers.open.size).toBe(3)
})

it('finds the only one that answers among many', async () => {
  const peers = new Peers(20)
  peers.answering.add('peer-7')
  void peers.keep(stopping.signal)
  await vi.advanceTimersByTimeAsync(300_000)

  expect([...peers.open]).toEqual(['peer-7'])
})

it('dials less and less while nobody answers, and at once when something changed', async () => {
  const peers = new Peers(4)
  void peers.keep(stopping.signal)
  await vi.advanceTimersByTimeAsync(0)
  expect(peers.dialled).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(3_600_000)
  const before = peers.dialled.length
  expect(before).toBeLessThan(3 * 30)

  for (const peerId of ['peer-1', 'peer-2', 'peer-3']) peers.answering.add(peerId)
  peers.contacts.wake()
  await vi.advanceTimersByTimeAsync(0)
  expect(peers.open.size).toBe(3)
})

it('tells of agents that connected by themselves', async () => {
  const peers = new Peers(1)
  void peers.keep(stopping.signal)
  await vi.advanceTimersByTimeAsync(0)
  for (const each of ['x', 'y', 'z']) peers.open.add(each)
  await vi.advanceTimersByTimeAsync(60_000)

  expect(peers.looks.at(-1)).toEqual(['x', 'y', 'z'])
})

it('stops when it is told to', async () => {
  const peers = new Peers(4)
  const kept = peers.keep(stopping.signal)
  await vi.advanceTimersByTimeAsync(0)
  stopping.abort()
  await kept
  const before = peers.dialled.length
  await vi.advanceTimersByTimeAsync(3_600_000)

  expect(peers.dialled).toHaveLength(before)
})
