import { AUTHENTIC_DATA, CHECKING_DISABLED, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_DNS_OPTIONS } from '../src/options.ts'
import { RCODE } from '../src/wire/codes.ts'
import { answering, failing, NAME, query, SECOND, silent, startCache } from './support/cache.ts'
import { askOneTcp, askOneUdp } from './support/client.ts'
import { type Behaviour, FakeUpstream } from './support/fake-upstream.ts'
import { answersIn, decode, queryOf, rcodeIn } from './support/query.ts'
import { addressRecord, optRecord, replyOf, soaRecord, ttlsIn } from './support/reply.ts'
import { startServer } from './support/server.ts'

describe('an answer that holds', () => {
  it('is given again without asking, with what is left of its TTLs, until it expires', async () => {
    await using dns = await startCache(answering(60))
    expect(ttlsIn(await dns.ask())).toEqual([60])

    dns.pass(59_999)
    const again = await dns.ask()
    expect(ttlsIn(again)).toEqual([1])
    expect(answersIn(again)).toEqual(['192.0.2.1'])
    expect(dns.upstream.received).toHaveLength(1)

    dns.pass(1)
    expect(ttlsIn(await dns.ask())).toEqual([60])
    expect(dns.upstream.received).toHaveLength(2)
    expect(dns.rules).toEqual(['upstream', 'cache', 'upstream'])
  })

  it("has the client's id and case, and an OPT record only where the client has one", async () => {
    await using dns = await startCache(({ message }) => [
      replyOf(message, { answers: [addressRecord(NAME, 60)], additionals: [optRecord()] }),
    ])
    await dns.ask()

    expect(decode(await dns.ask(queryOf('wWw.eXample.com', 'A', { id: 9 })))).toMatchObject({
      id: 9,
      questions: [{ name: 'wWw.eXample.com' }],
      additionals: [],
    })
    expect(decode(await dns.ask(queryOf(NAME, 'A', { udpPayloadSize: 4_096 }))).additionals).toMatchObject([
      { type: 'OPT', udpPayloadSize: 1_232, flag_do: false },
    ])
    expect(dns.upstream.received).toHaveLength(1)
  })

  it('is shared by UDP and TCP, truncated where it is too large', async () => {
    const addresses = Array.from({ length: 100 }, (_, n) => `192.0.2.${n}`)
    await using dns = await startCache(({ message, transport }) => [
      transport === 'udp'
        ? replyOf(message, { flags: TRUNCATED_RESPONSE })
        : replyOf(message, { answers: addresses.map((ip) => addressRecord(NAME, 60, ip)) }),
    ])

    const first = addresses.slice(0, 15)
    const truncated = await dns.ask()
    expect(decode(truncated).flag_tc).toBe(true)
    expect(answersIn(truncated)).toEqual(first)
    expect(answersIn(await dns.ask(query, 'tcp'))).toHaveLength(100)
    expect(answersIn(await dns.ask())).toEqual(first)
    expect(dns.upstream.received.map(({ transport }) => transport)).toEqual(['udp', 'tcp'])
  })

  it('says that it is authentic to those who ask for that, whoever asked first', async () => {
    await using dns = await startCache(({ message }) => {
      const { flag_ad: isAsked } = decode(message)
      return [replyOf(message, { flags: isAsked ? AUTHENTIC_DATA : 0, answers: [addressRecord(NAME, 60)] })]
    })

    expect(decode(await dns.ask()).flag_ad).toBe(false)
    const wishing = queryOf(NAME, 'A', { flags: RECURSION_DESIRED | AUTHENTIC_DATA })
    expect(decode(await dns.ask(wishing)).flag_ad).toBe(true)
    expect(dns.upstream.received).toHaveLength(1)
  })

  it('is asked for apart by type, CD and DO', async () => {
    await using dns = await startCache(answering(60))
    const flags = RECURSION_DESIRED | CHECKING_DISABLED
    for (let round = 0; round < 2; round++) {
      await dns.ask()
      await dns.ask(queryOf(NAME, 'A', { flags }))
      await dns.ask(queryOf(NAME, 'A', { udpPayloadSize: 1_232, dnssecOk: true }))
      await dns.ask(queryOf('other.example.com'))
    }

    expect(dns.upstream.received).toHaveLength(4)
  })

  it.each([
    ['NXDOMAIN', RCODE.NXDOMAIN],
    ['NODATA', RCODE.NOERROR],
  ])('may be negative: %s', async (_what, flags) => {
    await using dns = await startCache(({ message }) => [
      replyOf(message, { flags, authorities: [soaRecord(900, 30)] }),
    ])
    await dns.ask()
    dns.pass(20 * SECOND)

    const again = await dns.ask()
    expect([rcodeIn(again), ttlsIn(again)]).toEqual([flags, [10]])
    expect(dns.upstream.received).toHaveLength(1)
    expect(dns.count('hits_total', { kind: 'negative' })).toBe(1)
  })
})

describe('an answer that is not to be kept', () => {
  it.each<[string, Behaviour]>([
    [
      'is truncated',
      (received) => (received.transport === 'udp' ? failing(TRUNCATED_RESPONSE)(received) : []),
    ],
    ['has a TTL of 0', answering(0)],
    ['is NXDOMAIN without SOA', failing(RCODE.NXDOMAIN)],
    ['is malformed', ({ message }) => [Buffer.concat([replyOf(message, {}), Buffer.from([0xff])])]],
  ])('that %s goes to the client, and the next asks again', async (_what, behaviour) => {
    await using dns = await startCache(behaviour, { upstreamTimeoutMs: 500 })
    await dns.ask()
    const asked = dns.upstream.received.length
    await dns.ask()

    expect(dns.upstream.received).toHaveLength(2 * asked)
    expect(dns.rules).toEqual(['upstream', 'upstream'])
    expect(dns.count('bytes')).toBe(0)
  })
})

describe('the memory of the cache', () => {
  it('stays within its bound whatever is asked and answered, and drops what was not used for longest', async () => {
    const cacheBytes = 20_000
    await using dns = await startCache(answering(60), { cacheBytes })
    for (let n = 0; n < 100; n++) {
      await dns.ask(queryOf(`${n}.example.com`))
      await dns.ask(queryOf('0.example.com'))
      expect(dns.count('bytes')).toBeLessThanOrEqual(cacheBytes)
    }

    expect(dns.upstream.received).toHaveLength(100)
    expect(dns.count('evictions_total')).toBe(100 - dns.count('entries'))
    expect(dns.count('entries')).toBeGreaterThan(10)
  })

  it('does not grow, and nothing fails, by what a hostile upstream sends', async () => {
    const cacheBytes = 8_000
    await using dns = await startCache(silent, { cacheBytes, upstreamTimeoutMs: 600_000 })
    const bytes = fc.uint8Array({ maxLength: 600 })
    let id = 0
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(0xffff), fc.nat(3), async (rest, flags, counts) => {
        dns.upstream.behaviour = ({ message }) => {
          const { length } = queryOf(`${id}.example.com`)
          const reply = Buffer.concat([message.subarray(0, length), rest])
          reply.writeUInt16BE((flags & ~0x7a0f) | 0x8000, 2)
          reply.writeUInt16BE(counts, 6)
          return [reply]
        }
        await dns.ask(queryOf(`${++id}.example.com`))
        expect(dns.count('bytes')).toBeLessThanOrEqual(cacheBytes)
      }),
      { numRuns: 300 },
    )
    expect(dns.logger.lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})

describe('the responder', () => {
  const cached = { cacheBytes: DEFAULT_DNS_OPTIONS.cacheBytes }

  it('answers UDP and TCP from its cache, and asks no upstream for cluster names', async () => {
    await using upstream = await FakeUpstream.start(answering(60))
    await using dns = await startServer({ ...cached, upstreams: [upstream] })

    expect(answersIn(await askOneUdp(dns.address, query))).toEqual(['192.0.2.1'])
    expect(answersIn(await askOneTcp(dns.address, query))).toEqual(['192.0.2.1'])
    await askOneUdp(dns.address, queryOf('web.shop.svc.cluster.local'))
    expect(upstream.received).toHaveLength(1)
    expect(dns.deps.metrics.value('edgeway_dns_cache_hits_total', { kind: 'positive' })).toBe(1)
    expect(dns.deps.metrics.value('edgeway_dns_cache_entries', {})).toBe(1)
  })

  it('keeps nothing with a cache of 0 bytes', async () => {
    await using upstream = await FakeUpstream.start(answering(60))
    await using dns = await startServer({ cacheBytes: 0, upstreams: [upstream] })
    await askOneUdp(dns.address, query)
    await askOneUdp(dns.address, query)

    expect(upstream.received).toHaveLength(2)
  })

  it('ends what it asks in the background when it stops', async () => {
    await using upstream = await FakeUpstream.start(answering(1))
    const patient = { upstreamTimeoutMs: 600_000, forwardTimeoutMs: 600_000, cacheMinTtlSeconds: 1 }
    // Asked as fast as can be, for a second.
    const generous = { responsesPerSecondPerClient: 1_000_000 }
    await using dns = await startServer({ ...cached, ...patient, ...generous, upstreams: [upstream] })
    for (let n = 0; n < 4; n++) await askOneUdp(dns.address, query)
    upstream.behaviour = silent
    // Until the last tenth of the second, and the prefetch; who comes later waits for the silent upstream.
    const asked = upstream.asked(2)
    while (upstream.received.length < 2) await Promise.race([asked, askOneUdp(dns.address, query)])

    await dns.server[Symbol.asyncDispose]()
    expect(dns.deps.logger.lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})
