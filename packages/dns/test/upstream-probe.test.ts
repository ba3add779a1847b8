import { describe, expect, it, vi } from 'vitest'
import { RCODE } from '../src/wire/codes.ts'
import { askOneUdp } from './support/client.ts'
import { type Behaviour, FakeUpstream } from './support/fake-upstream.ts'
import { resolving } from './support/names.ts'
import { answersIn, queryOf, rcodeIn, replyTo } from './support/query.ts'
import { startServer } from './support/server.ts'

type Dns = Awaited<ReturnType<typeof startServer>>

const NAMES = { 'www.example.com': ['192.0.2.1'] }
const query = queryOf('www.example.com')
const LOOP = 'upstream left out, it sends queries back to this responder'

const messagesOf = ({ deps }: Dns, level: string): string[] =>
  deps.logger.lines.filter((line) => line.level === level).map(({ message }) => message)

/** Sends each query on to `dns`, once that is there. */
function sendingTo(dns: Promise<Dns>): Behaviour {
  return async ({ message }) => {
    const answer = await askOneUdp((await dns).address, message)
    return [replyTo(message, answersIn(answer), { flags: rcodeIn(answer) })]
  }
}

describe('an upstream that sends queries back', () => {
  it('is found by a probe, left out and told of once; the others answer', async () => {
    const started = Promise.withResolvers<Dns>()
    await using looping = await FakeUpstream.start(sendingTo(started.promise))
    looping.answersProbes = true
    await using good = await FakeUpstream.start(resolving(NAMES))
    await using dns = await startServer({ upstreams: [looping, good] })
    started.resolve(dns)
    await vi.waitFor(() => expect(messagesOf(dns, 'warn')).toEqual([LOOP]))

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
    expect(looping.received).toEqual([])
    const labels = { upstream: looping.name, reason: 'loop' }
    expect(dns.deps.metrics.value('edgeway_dns_upstream_failures_total', labels)).toBe(1)
  })

  it('of a stub domain is found by a name of that domain', async () => {
    const started = Promise.withResolvers<Dns>()
    await using looping = await FakeUpstream.start(sendingTo(started.promise))
    looping.answersProbes = true
    await using dns = await startServer({
      stubDomains: [{ domain: 'corp.example', upstreams: [looping.name] }],
    })
    started.resolve(dns)
    await vi.waitFor(() => expect(messagesOf(dns, 'warn')).toContain(LOOP))

    expect(rcodeIn(await askOneUdp(dns.address, queryOf('www.corp.example')))).toBe(RCODE.SERVFAIL)
    expect(looping.received).toEqual([])
  })

  it('is asked again once it does so no more', async () => {
    const started = Promise.withResolvers<Dns>()
    await using upstream = await FakeUpstream.start(sendingTo(started.promise))
    upstream.answersProbes = true
    await using dns = await startServer({ upstreams: [upstream], upstreamHoldOffMs: 1 })
    started.resolve(dns)
    await vi.waitFor(() => expect(messagesOf(dns, 'warn')).toEqual([LOOP]))
    upstream.behaviour = resolving(NAMES)
    await vi.waitFor(() => expect(messagesOf(dns, 'info')).toContain('upstream answers again'), 10_000)

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
  })

  it("is not taken for one by another agent's probe, nor by anybody's guess", async () => {
    await using upstream = await FakeUpstream.start(resolving({}))
    upstream.answersProbes = true
    await using dns = await startServer({ upstreams: [upstream] })
    const guess = await askOneUdp(dns.address, queryOf('edgeway-loop-0123456789abcdef.example'))

    expect(rcodeIn(guess)).toBe(RCODE.NXDOMAIN)
    expect(messagesOf(dns, 'warn')).toEqual([])
  })
})

describe('an upstream that is down', () => {
  const SOON = { upstreamTimeoutMs: 300, forwardTimeoutMs: 5_000, upstreamHoldOffMs: 1 }

  it('is probed without any client having to wait, and goes back to its place', async () => {
    await using first = await FakeUpstream.start(() => [])
    await using second = await FakeUpstream.start(resolving(NAMES))
    await using dns = await startServer({ ...SOON, upstreams: [first, second] })
    for (let n = 0; n < 3; n++) await askOneUdp(dns.address, query)
    expect(messagesOf(dns, 'warn')).toContain('upstream does not answer')

    first.behaviour = resolving({ 'www.example.com': ['192.0.2.9'] })
    first.answersProbes = true
    await vi.waitFor(() => expect(messagesOf(dns, 'info')).toContain('upstream answers again'), 10_000)
    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.9'])
  })

  it('is still asked, last of all, and counts as back by its answer', async () => {
    await using only = await FakeUpstream.start(() => [])
    await using dns = await startServer({ ...SOON, upstreamHoldOffMs: 600_000, upstreams: [only] })
    await askOneUdp(dns.address, query)
    only.behaviour = resolving(NAMES)

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
    expect(messagesOf(dns, 'info')).toContain('upstream answers again')
  })
})

it('counts the replies of each upstream by their code, and how long they took', async () => {
  await using upstream = await FakeUpstream.start(resolving(NAMES))
  await using dns = await startServer({ upstreams: [upstream] })
  await askOneUdp(dns.address, query)
  await askOneUdp(dns.address, queryOf('nope.example.com'))
  await askOneUdp(dns.address, queryOf('nope.example.com'))

  const replies = (rcode: string): number =>
    dns.deps.metrics.value('edgeway_dns_upstream_replies_total', { upstream: upstream.name, rcode })
  expect([replies('NOERROR'), replies('NXDOMAIN')]).toEqual([1, 2])
  const { name: label } = upstream
  expect(
    dns.deps.metrics.value('edgeway_dns_upstream_duration_seconds', { upstream: label }),
  ).toBeGreaterThan(0)
})
