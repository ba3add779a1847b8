import { MemoryLogger, MemoryMetrics } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { queryOf, replyTo } from '../../test/support/query.ts'
import { dnsMetrics } from '../metrics.ts'
import { TYPE } from '../wire/codes.ts'
import { queryFor } from '../wire/query-for.ts'
import type { ExchangeOutcome } from './exchange.ts'
import { Forwarder } from './forwarder.ts'
import { upstreamAt } from './upstream.ts'
import { UpstreamPool } from './upstream-pool.ts'

const upstream = upstreamAt('192.0.2.1', 53)

/** A forwarder to an upstream whose replies the test gives, in the order of the attempts. */
function forwarderUnderTest() {
  const attempts: ((outcome: ExchangeOutcome) => void)[] = []
  const upstreams = new UpstreamPool()
  upstreams.replace([upstream])
  const downs: string[] = []
  const forwarder = new Forwarder(
    { forwardTimeoutMs: 600_000, maxForwardedQueries: 100 },
    {
      upstreams,
      client: { ask: async () => await new Promise((resolve) => attempts.push(resolve)) },
      logger: new MemoryLogger(),
      metrics: dnsMetrics(new MemoryMetrics()).forward,
      onDown: ({ name }) => downs.push(name),
    },
  )
  const ask = (name: string) =>
    Promise.resolve(forwarder.handle(queryFor([name, 'example'], TYPE.A), { transport: 'udp' }))
  const reply = replyTo(queryOf('quick.example'), ['192.0.2.7'])
  return { ask, attempts, reply, downs, upstreams }
}

describe('Forwarder', () => {
  it('has an upstream that leaves two queries unanswered, and answers none meanwhile, for down', async () => {
    const { ask, attempts, downs } = forwarderUnderTest()
    const answer = ask('any')
    attempts[0]?.('timeout')
    await expect.poll(() => attempts.length).toBe(2)
    attempts[1]?.('timeout')

    expect((await answer)?.rule).toBe('upstreams-failed')
    expect(downs).toEqual([upstream.name])
  })

  it('does not hold names that take too long against an upstream that answers others meanwhile', async () => {
    const { ask, attempts, reply, downs, upstreams } = forwarderUnderTest()
    const slow = ['a', 'b', 'c'].map(ask)
    const quick = ask('quick')
    attempts[3]?.(reply)
    await quick
    for (const attempt of attempts.slice(0, 3)) attempt('timeout')
    await expect.poll(() => attempts.length).toBe(7)
    const other = ask('other')
    attempts[7]?.(reply)
    await other
    for (const attempt of attempts.slice(4, 7)) attempt('timeout')

    expect((await Promise.all(slow)).map((answer) => answer?.rule)).toEqual(Array(3).fill('upstreams-failed'))
    expect([downs, upstreams.stateOf(upstream)]).toEqual([[], 'up'])
  })
})
