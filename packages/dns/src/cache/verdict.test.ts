import { AUTHENTIC_DATA, AUTHORITATIVE_ANSWER, TRUNCATED_RESPONSE } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answersIn, decode, queryOf } from '../../test/support/query.ts'
import { addressRecord, optRecord, replyOf, soaRecord, ttlsIn } from '../../test/support/reply.ts'
import { decodeQuery, type Query } from '../message.ts'
import { RCODE } from '../wire/codes.ts'
import { type TtlCaps, type Verdict, verdictOf } from './verdict.ts'

const CAPS: TtlCaps = {
  cacheMinTtlSeconds: 0,
  cacheMaxTtlSeconds: 86_400,
  cacheMaxNegativeTtlSeconds: 3_600,
}
const NAME = 'www.example.com'
const asked = queryOf(NAME)

function read(message: Buffer): Query {
  const decoded = decodeQuery(message)
  if (decoded.kind !== 'query') throw new Error('the test asks well')
  return decoded.query
}

function verdict(reply: Buffer, caps: Partial<TtlCaps> = {}, message = asked): Verdict {
  return verdictOf(read(message), reply, { ...CAPS, ...caps })
}

function kept(outcome: Verdict) {
  if (outcome.kind !== 'cacheable') throw new Error(`expected a cacheable message, found ${outcome.kind}`)
  return { ...outcome, ttls: ttlsIn(outcome.content.message), decoded: decode(outcome.content.message) }
}

const cname = (ttl: number) => ({ type: 'CNAME', name: NAME, ttl, data: 'cdn.example.com' }) as const
const address = addressRecord(NAME, 60)

describe('a positive answer', () => {
  it('holds until its first record expires', () => {
    const reply = replyOf(asked, { answers: [cname(300), addressRecord('cdn.example.com', 20)] })

    expect(kept(verdict(reply))).toMatchObject({ ttlSeconds: 20, isNegative: false, ttls: [300, 20] })
  })

  it.each([
    { what: 'the upper cap', caps: { cacheMaxTtlSeconds: 30 }, ttls: [5, 100], within: [5, 30] },
    { what: 'the lower cap', caps: { cacheMinTtlSeconds: 10 }, ttls: [10, 0], within: [10, 10] },
    {
      what: 'the upper of two caps that contradict each other',
      caps: { cacheMinTtlSeconds: 50, cacheMaxTtlSeconds: 30 },
      ttls: [1, 99],
      within: [30, 30],
    },
    {
      what: 'the upper cap where the highest bit is set',
      caps: {},
      ttls: [7, 2 ** 32 - 1],
      within: [7, 86_400],
    },
  ])('is kept within $what', ({ caps, ttls, within }) => {
    const reply = replyOf(asked, { answers: ttls.map((ttl) => addressRecord(NAME, ttl)) })

    expect(kept(verdict(reply, caps))).toMatchObject({ ttls: within, ttlSeconds: within[0] })
  })

  it('with a TTL of 0 is not kept, and supersedes what was', () => {
    expect(verdict(replyOf(asked, { answers: [address, addressRecord(NAME, 0)] })).kind).toBe('superseding')
  })

  it('is kept without the OPT record and what follows it, not as authoritative, under no id', () => {
    const additionals = [
      addressRecord('ns.example.com', 90),
      optRecord(),
      addressRecord('late.example.com', 1),
    ]
    const reply = replyOf(asked, {
      flags: AUTHORITATIVE_ANSWER | AUTHENTIC_DATA,
      answers: [address],
      additionals,
    })

    const { decoded, content, ttlSeconds } = kept(verdict(reply))
    expect(decoded).toMatchObject({ id: 0, flag_aa: false, flag_ad: true, flag_rd: false, flag_ra: true })
    expect(decoded.additionals).toMatchObject([{ name: 'ns.example.com' }])
    expect(content.ttlOffsets).toHaveLength(2)
    expect(ttlSeconds).toBe(60)
    expect(content.message.buffer.byteLength).toBe(content.message.length)
  })
})

describe('a negative answer', () => {
  it.each([
    ['NXDOMAIN', RCODE.NXDOMAIN, []],
    ['NODATA', RCODE.NOERROR, []],
    ['NODATA at the end of an alias', RCODE.NOERROR, [cname(5_000)]],
    ['NXDOMAIN at the end of an alias', RCODE.NXDOMAIN, [cname(5_000)]],
  ])('(%s) holds for the lesser of the TTL and the minimum of its SOA', (_what, flags, answers) => {
    for (const soa of [soaRecord(900, 40), soaRecord(40, 900)]) {
      const outcome = kept(verdict(replyOf(asked, { flags, answers, authorities: [soa] })))
      expect(outcome).toMatchObject({ ttlSeconds: 40, isNegative: true })
      expect(outcome.ttls.at(-1)).toBe(40)
    }
  })

  it('has an upper cap of its own', () => {
    const reply = replyOf(asked, { flags: RCODE.NXDOMAIN, authorities: [soaRecord(86_400, 86_400)] })

    expect(kept(verdict(reply))).toMatchObject({ ttlSeconds: 3_600, ttls: [3_600] })
  })

  it('without SOA is not kept, nor a referral', () => {
    const ns = { type: 'NS', name: 'example.com', ttl: 60, data: 'ns.example.com' } as const

    expect(verdict(replyOf(asked, { flags: RCODE.NXDOMAIN })).kind).toBe('uncacheable')
    expect(verdict(replyOf(asked, { answers: [cname(60)] })).kind).toBe('uncacheable')
    expect(verdict(replyOf(asked, { authorities: [ns] })).kind).toBe('uncacheable')
  })
})

describe('a reply that is not to be kept', () => {
  it.each([RCODE.SERVFAIL, RCODE.REFUSED, RCODE.NOTIMP, RCODE.FORMERR])(
    'with response code %i is a failure',
    (flags) => {
      expect(verdict(replyOf(asked, { flags })).kind).toBe('failure')
    },
  )

  const good = replyOf(asked, { answers: [address] })
  const changed = (offset: number, byte: number): Buffer => {
    const reply = Buffer.from(good)
    reply.writeUInt8(byte, (offset + reply.length) % reply.length)
    return reply
  }
  // The last record: pointer or name, type, class, TTL, length and 4 bytes of address.
  it.each<[string, Buffer]>([
    ['is truncated', replyOf(asked, { flags: TRUNCATED_RESPONSE, answers: [address] })],
    ['is cut', good.subarray(0, -1)],
    ['has bytes after its end', Buffer.concat([good, Buffer.alloc(1)])],
    ['counts more records than it has', changed(7, 2)],
    ['counts fewer records than it has', changed(7, 0)],
    ['has a record of another class', changed(-11, 3)],
    ['has an address of the wrong length', Buffer.concat([changed(-5, 5), Buffer.alloc(1)])],
    [
      'has the upper bits of a response code',
      replyOf(asked, { answers: [address], additionals: [optRecord({ extendedRcode: 1 })] }),
    ],
    ['has two OPT records', replyOf(asked, { answers: [address], additionals: [optRecord(), optRecord()] })],
    ['has its OPT record among the answers', replyOf(asked, { answers: [address, optRecord()] })],
  ])('%s', (_what, reply) => {
    expect(verdict(reply).kind).toBe('uncacheable')
  })

  it.each([
    ['itself', (at: number) => at],
    ['later bytes', (at: number) => at + 4],
    ['the header', () => 0],
  ])('has a pointer to %s', (_what, target) => {
    const head = Buffer.from(replyOf(asked, {}))
    head.writeUInt16BE(1, 6)
    const record = Buffer.from([0, 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1])
    const withPointer = (offset: number): Buffer => {
      record.writeUInt16BE(0xc000 | offset, 0)
      return Buffer.concat([head, record])
    }

    expect(verdict(withPointer(12)).kind).toBe('cacheable')
    expect(verdict(withPointer(target(head.length))).kind).toBe('uncacheable')
  })

  it('is not kept where a name leads through a TTL, which will not stay as it is', () => {
    const reply = replyOf(asked, { answers: [addressRecord(NAME, 1), addressRecord(NAME, 60)] })
    // After the first owner's name, type and class.
    const ttlEnd = asked.length + NAME.length + 2 + 8
    // The TTL's last byte is 1: a label of one byte, then one of four, the address, then the second record's owner.
    const start = reply.subarray(0, ttlEnd + 6)
    const second = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1])
    const whole = Buffer.concat([start, second, Buffer.from([0xc0, ttlEnd - 1]), second.subarray(2)])
    whole.writeUInt16BE(3, 6)

    expect(verdict(whole)).toEqual({ kind: 'uncacheable' })
    whole.writeUInt8(12, whole.length - second.length + 1)
    expect(verdict(whole).kind).toBe('cacheable')
  })

  it('is judged whatever its bytes are, and what is kept is well-formed', () => {
    const seeds = [
      good,
      replyOf(asked, { answers: [cname(60), address], additionals: [optRecord()] }),
      replyOf(asked, { flags: RCODE.NXDOMAIN, authorities: [soaRecord(60, 60)] }),
    ]
    const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 })
    const questionEnd = 12 + read(asked).question.length

    const mutated = (seed: Buffer, changes: readonly (readonly [number, number])[], cut: number): Buffer => {
      const reply = Buffer.from(seed.subarray(0, Math.max(questionEnd, seed.length - cut)))
      // The id, the flag QR and the question stay as they are: `isReplyTo` saw to it.
      const open = [...reply.keys()].filter((at) => at === 3 || (at > 5 && at < 12) || at >= questionEnd)
      for (const [at, byte] of changes) reply.writeUInt8(byte, open[at % open.length])
      return reply
    }

    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        mutations,
        fc.constantFrom(0, 0, 0, 1, 9),
        (seed, changes, cut) => {
          const reply = mutated(seed, changes, cut)
          const outcome = verdict(reply)
          if (outcome.kind !== 'cacheable') return
          const { message, ttlOffsets } = outcome.content
          expect(message.length).toBeLessThanOrEqual(reply.length)
          expect(outcome.ttlSeconds).toBe(
            Math.min(...ttlOffsets.map((offset) => message.readUInt32BE(offset))),
          )
          expect(verdict(message).kind).toBe('cacheable')
        },
      ),
      { numRuns: 5_000 },
    )
  })
})

it('does not follow ever longer chains of pointers', () => {
  const head = Buffer.from(replyOf(asked, {}))
  const parts = [head]
  // Each owner points to the one before it.
  let previous = 12
  let offset = head.length
  for (; offset + 16 <= 0x3fff; offset += 16) {
    parts.push(
      Buffer.from([0xc0 | (previous >> 8), previous & 0xff, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4]),
    )
    previous = offset
  }
  head.writeUInt16BE(parts.length - 1, 6)

  expect(verdict(Buffer.concat(parts)).kind).toBe('uncacheable')
  head.writeUInt16BE(100, 6)
  expect(answersIn(kept(verdict(Buffer.concat(parts.slice(0, 101)))).content.message)).toHaveLength(100)
})
