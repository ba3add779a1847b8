import { AUTHENTIC_DATA, RECURSION_DESIRED } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { RCODE } from '../src/wire/codes.ts'
import { answering, failing, NAME, SECOND, silent, startCache } from './support/cache.ts'
import type { Behaviour } from './support/fake-upstream.ts'
import { answersIn, decode, queryOf, rcodeIn } from './support/query.ts'
import { addressRecord, optRecord, replyOf, soaRecord, ttlsIn } from './support/reply.ts'

describe('a name that no upstream can answer', () => {
  it.each<[string, Behaviour]>([
    ['is silent', silent],
    ['answers SERVFAIL', failing(RCODE.SERVFAIL)],
  ])('is asked for again only seconds later, when the upstream %s', async (_what, behaviour) => {
    await using dns = await startCache(behaviour, { cacheFailureTtlSeconds: 2 })
    await dns.ask()
    const asked = dns.upstream.received.length
    dns.pass(1_999)
    expect(rcodeIn(await dns.ask())).toBe(RCODE.SERVFAIL)
    expect(dns.upstream.received).toHaveLength(asked)
    expect(dns.rules.at(-1)).toBe('cache-failure')

    dns.become(answering(60))
    dns.pass(1)
    expect(answersIn(await dns.ask())).toEqual(['192.0.2.1'])
  })
})

describe('an answer that has expired', () => {
  it.each<[string, Behaviour, string]>([
    ['are silent', silent, 'upstreams-failed'],
    ['answer SERVFAIL', failing(RCODE.SERVFAIL), 'upstream'],
    ['answer REFUSED', failing(RCODE.REFUSED), 'upstream'],
  ])(
    'is given with a TTL of 30 while upstreams %s, and no longer than it may',
    async (_what, behaviour, rule) => {
      await using dns = await startCache(answering(60), { staleSeconds: 3_600 })
      await dns.ask()
      dns.become(behaviour)

      dns.pass(60 * SECOND)
      const stale = await dns.ask()
      expect([ttlsIn(stale), answersIn(stale)]).toEqual([[30], ['192.0.2.1']])
      dns.pass(3_600 * SECOND - 1)
      expect(ttlsIn(await dns.ask())).toEqual([30])
      await dns.cache.settled()
      dns.pass(1)
      expect(rcodeIn(await dns.ask())).not.toBe(RCODE.NOERROR)
      expect(dns.rules).toEqual(['upstream', 'cache-stale', 'cache-stale', rule])
      expect(dns.count('stale_total')).toBe(2)
    },
  )

  it('is kept for a day unless said otherwise, negative ones too', async () => {
    await using dns = await startCache(({ message }) => [
      replyOf(message, { flags: RCODE.NXDOMAIN, authorities: [soaRecord(10, 10)] }),
    ])
    await dns.ask()
    dns.become(silent)
    dns.pass(10 * SECOND + 86_399 * SECOND)

    expect(rcodeIn(await dns.ask())).toBe(RCODE.NXDOMAIN)
  })

  it('gives way to the fresh one where that comes in time', async () => {
    await using dns = await startCache(answering(60))
    await dns.ask()
    dns.become(answering(60, '192.0.2.2'))
    dns.pass(61 * SECOND)

    const answers = await Promise.all([dns.ask(), dns.ask(queryOf(NAME, 'A', { id: 2 }), 'tcp')])
    expect(answers.map(answersIn)).toEqual([['192.0.2.2'], ['192.0.2.2']])
    expect(dns.upstream.received).toHaveLength(2)
  })

  it('gives way to a fresh one that is not to be kept, and is forgotten then', async () => {
    await using dns = await startCache(answering(60))
    await dns.ask()
    dns.become(answering(0, '192.0.2.2'))
    dns.pass(61 * SECOND)
    expect(answersIn(await dns.ask())).toEqual(['192.0.2.2'])

    dns.become(silent)
    expect(rcodeIn(await dns.ask())).toBe(RCODE.SERVFAIL)
  })

  it('gives way to a fresh one with an OPT record only for clients who have one', async () => {
    await using dns = await startCache(answering(60))
    await dns.ask()
    dns.become(({ message }) => [
      replyOf(message, {
        answers: [addressRecord(NAME, 0)],
        additionals: decode(message).additionals?.length === 0 ? [] : [optRecord()],
      }),
    ])
    dns.pass(61 * SECOND)

    const withEdns = queryOf(NAME, 'A', { udpPayloadSize: 1_232 })
    const answers = await Promise.all([dns.ask(withEdns), dns.ask()])
    expect(answers.map((answer) => decode(answer).additionals?.length)).toEqual([1, 0])
  })

  it('no longer counts as authentic', async () => {
    await using dns = await startCache(({ message }) => [
      replyOf(message, { flags: AUTHENTIC_DATA, answers: [addressRecord(NAME, 60)] }),
    ])
    const wishing = queryOf(NAME, 'A', { flags: RECURSION_DESIRED | AUTHENTIC_DATA })
    expect(decode(await dns.ask(wishing)).flag_ad).toBe(true)
    dns.become(silent)
    dns.pass(61 * SECOND)

    expect(decode(await dns.ask(wishing)).flag_ad).toBe(false)
  })

  it('is given when the fresh one takes too long, which is kept when it comes', async () => {
    await using dns = await startCache(answering(60), {
      upstreamTimeoutMs: 600_000,
      forwardTimeoutMs: 600_000,
      staleAnswerTimeoutMs: 10,
    })
    await dns.ask()
    const gate = Promise.withResolvers<void>()
    dns.become(async (received) => {
      await gate.promise
      return answering(60, '192.0.2.2')(received)
    })
    dns.pass(61 * SECOND)
    expect(answersIn(await dns.ask())).toEqual(['192.0.2.1'])
    expect(answersIn(await dns.ask())).toEqual(['192.0.2.1'])
    await dns.upstream.asked(2)

    gate.resolve()
    await dns.cache.settled()
    expect(dns.upstream.received).toHaveLength(2)
    expect(answersIn(await dns.ask())).toEqual(['192.0.2.2'])
    expect(dns.rules.slice(1)).toEqual(['cache-stale', 'cache-stale', 'cache'])
  })

  it('is given without waiting for upstreams that are away, which are asked in the background', async () => {
    await using dns = await startCache(answering(60))
    await dns.ask()
    await dns.ask(queryOf('other.example.com'))
    dns.become(silent)
    dns.pass(61 * SECOND)
    await dns.ask()

    const gate = Promise.withResolvers<void>()
    dns.become(async (received) => {
      await gate.promise
      return answering(60, '192.0.2.2')(received)
    })
    const asked = dns.upstream.received.length
    // Nobody would get an answer here who waited: the gate opens afterwards.
    expect(ttlsIn(await dns.ask(queryOf('other.example.com')))).toEqual([30])
    await dns.upstream.asked(asked + 1)
    gate.resolve()
    await dns.cache.settled()
    expect(answersIn(await dns.ask(queryOf('other.example.com')))).toEqual(['192.0.2.2'])
  })

  it('is not given at once because of another name that takes too long', async () => {
    await using dns = await startCache(answering(60), { upstreamTimeoutMs: 500 })
    await dns.ask()
    dns.become((received) =>
      /slow/i.test(received.message.toString('latin1')) ? [] : answering(60, '192.0.2.2')(received),
    )
    dns.pass(61 * SECOND)
    const slow = dns.ask(queryOf('slow.example.com'))
    await dns.upstream.asked(2)
    dns.pass(1)
    await dns.ask(queryOf('quick.example.com'))
    await slow

    expect(answersIn(await dns.ask())).toEqual(['192.0.2.2'])
  })

  it('is waited for while only the upstreams of other names are away', async () => {
    const corp = queryOf('www.corp.example')
    await using dns = await startCache(answering(60), { upstreamTimeoutMs: 500 })
    await dns.ask()
    await dns.ask(corp)
    dns.become((received) =>
      /corp/i.test(received.message.toString('latin1')) ? [] : answering(60, '192.0.2.2')(received),
    )
    dns.pass(61 * SECOND)

    expect(ttlsIn(await dns.ask(corp))).toEqual([30])
    expect(answersIn(await dns.ask())).toEqual(['192.0.2.2'])
  })

  it('is not asked for again at every query while that fails', async () => {
    await using dns = await startCache(answering(60))
    await dns.ask()
    dns.become(failing(RCODE.SERVFAIL))
    dns.pass(61 * SECOND)
    for (let n = 0; n < 5; n++) await dns.ask()
    await dns.cache.settled()

    expect(dns.upstream.received).toHaveLength(2)
  })
})

describe('a popular name', () => {
  it('is asked for again shortly before its answer expires, and nobody waits', async () => {
    await using dns = await startCache(answering(60))
    for (let n = 0; n < 4; n++) await dns.ask()
    dns.become(answering(60, '192.0.2.2'))

    dns.pass(53_999)
    await dns.ask()
    expect(dns.count('prefetches_total')).toBe(0)
    dns.pass(1)
    expect(answersIn(await dns.ask())).toEqual(['192.0.2.1'])
    await dns.ask()
    await dns.cache.settled()
    const fresh = await dns.ask()
    expect([ttlsIn(fresh), answersIn(fresh)]).toEqual([[60], ['192.0.2.2']])
    expect(dns.count('prefetches_total')).toBe(1)
    expect(dns.upstream.received).toHaveLength(2)
  })

  it('is one that was asked for several times', async () => {
    await using dns = await startCache(answering(60))
    await dns.ask()
    dns.pass(59 * SECOND)
    await dns.ask()
    await dns.ask()

    expect(dns.count('prefetches_total')).toBe(0)
  })

  it('keeps its answer when upstreams fail, and is one of 32 at most at a time', async () => {
    await using dns = await startCache(answering(60))
    const names = Array.from({ length: 40 }, (_, n) => queryOf(`${n}.example.com`))
    for (let round = 0; round < 4; round++) for (const name of names) await dns.ask(name)
    dns.become(silent)
    dns.pass(59 * SECOND)
    for (const name of names) await dns.ask(name)
    expect(dns.count('prefetches_total')).toBe(32)

    await dns.cache.settled()
    expect(ttlsIn(await dns.ask(names[0]))).toEqual([1])
  })
})
