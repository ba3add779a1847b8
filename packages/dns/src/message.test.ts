import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, queryOf } from '../test/support/query.ts'
import { type Decoded, decodeQuery, encodeRecord, type Query } from './message.ts'
import { RCODE, TYPE } from './wire/codes.ts'

/** The query in `decoded`; fails the test when there is none. */
function queryIn(decoded: Decoded): Query {
  if (decoded.kind !== 'query') throw new Error(`not a query: ${JSON.stringify(decoded)}`)
  return decoded.query
}

function patched(message: Buffer, offset: number, ...bytes: readonly number[]): Buffer {
  const copy = Buffer.from(message)
  copy.set(bytes, offset)
  return copy
}

/** A header with these counts, then `rest`. */
function messageOf(counts: readonly number[], ...rest: readonly number[]): Buffer {
  return Buffer.from([0, 1, 1, 0, ...counts.flatMap((count) => [count >> 8, count & 255]), ...rest])
}

const ROOT_A_IN = [0, 0, 1, 0, 1]

describe('decodeQuery', () => {
  it('reads the name in lower case and keeps the question as it came', () => {
    const query = queryIn(decodeQuery(queryOf('wEb.Shop.svc.cluster.local', 'AAAA')))

    expect(query).toMatchObject({ id: 0x1234, type: TYPE.AAAA, edns: undefined })
    expect(query.labels).toEqual(['web', 'shop', 'svc', 'cluster', 'local'])
    expect(query.question.toString('latin1')).toContain('wEb')
  })

  it('keeps a dot within a label apart from the bounds between labels', () => {
    const dotted = Buffer.from('\x08web.shop\x03svc\x00', 'latin1')
    const query = queryIn(decodeQuery(messageOf([1, 0, 0, 0], ...dotted, 0, 1, 0, 1)))

    expect(query.labels).toEqual(['web.shop', 'svc'])
  })

  it('keeps bytes that are not UTF-8, and their case', () => {
    const query = queryIn(decodeQuery(messageOf([1, 0, 0, 0], 3, 0xc0, 0x41, 0xff, 0, 0, 1, 0, 1)))

    expect(query.labels).toEqual(['\u00c0a\u00ff'])
  })

  it('reads the root, and the longest name there can be', () => {
    expect(queryIn(decodeQuery(messageOf([1, 0, 0, 0], ...ROOT_A_IN))).labels).toEqual([])
    const longest = [63, 63, 63, 61].flatMap((length) => [length, ...Buffer.alloc(length, 'a')])
    expect(queryIn(decodeQuery(messageOf([1, 0, 0, 0], ...longest, ...ROOT_A_IN))).labels).toHaveLength(4)
    const tooLong = [63, 63, 63, 62].flatMap((length) => [length, ...Buffer.alloc(length, 'a')])
    expect(decodeQuery(messageOf([1, 0, 0, 0], ...tooLong, ...ROOT_A_IN))).toMatchObject({
      kind: 'refused',
      rcode: RCODE.FORMERR,
    })
  })

  it('reads what a client says by EDNS, and takes sizes below 512 as 512', () => {
    const options = { udpPayloadSize: 1400, dnssecOk: true }
    expect(queryIn(decodeQuery(queryOf('a.b', 'A', options))).edns).toMatchObject({
      udpPayloadBytes: 1400,
      isDnssecOk: true,
    })
    expect(queryIn(decodeQuery(queryOf('a.b', 'A', { udpPayloadSize: 100 }))).edns?.udpPayloadBytes).toBe(512)
  })

  it('finds an OPT record among others just the same', () => {
    const withOpt = queryOf('a.b', 'A', { udpPayloadSize: 1400 })
    const other = [0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 1, 65]
    const both = patched(Buffer.concat([withOpt, Buffer.from(other)]), 10, 0, 2)

    expect(queryIn(decodeQuery(both)).edns).toEqual(queryIn(decodeQuery(withOpt)).edns)
  })

  it('drops what is shorter than a header and what is an answer itself', () => {
    expect(decodeQuery(Buffer.alloc(11))).toEqual({ kind: 'dropped', reason: 'too-short' })
    expect(decodeQuery(patched(queryOf('a.b'), 2, 0x81))).toEqual({ kind: 'dropped', reason: 'not-a-query' })
  })

  const withOpt = queryOf('a.b', 'A', { udpPayloadSize: 1400 })
  it.each<[string, Buffer, number]>([
    ['another opcode', patched(queryOf('a.b'), 2, 0x28), RCODE.NOTIMP],
    ['no question', messageOf([0, 0, 0, 0]), RCODE.FORMERR],
    ['two questions', messageOf([2, 0, 0, 0], ...ROOT_A_IN, ...ROOT_A_IN), RCODE.FORMERR],
    ['many records', messageOf([1, 65_535, 65_535, 65_535], ...ROOT_A_IN), RCODE.FORMERR],
    ['records that are not there', messageOf([1, 0, 0, 2], ...ROOT_A_IN), RCODE.FORMERR],
    ['a cut name', queryOf('a.b').subarray(0, 14), RCODE.FORMERR],
    ['a cut question', queryOf('a.b').subarray(0, -1), RCODE.FORMERR],
    ['a pointer to itself', messageOf([1, 0, 0, 0], 0xc0, 12, 0, 1, 0, 1), RCODE.FORMERR],
    ['a pointer into the header', messageOf([1, 0, 0, 0], 0xc0, 4, 0, 1, 0, 1), RCODE.FORMERR],
    [
      'a label of 64 bytes',
      messageOf([1, 0, 0, 0], 64, ...Buffer.alloc(64, 'a'), ...ROOT_A_IN),
      RCODE.FORMERR,
    ],
    ['a record cut in its fields', messageOf([1, 0, 0, 1], ...ROOT_A_IN, 0, 0, 41, 4), RCODE.FORMERR],
    [
      'a record cut in its data',
      messageOf([1, 0, 0, 1], ...ROOT_A_IN, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 9, 1),
      RCODE.FORMERR,
    ],
    [
      'an OPT record of another owner than the root',
      messageOf([1, 0, 0, 1], ...ROOT_A_IN, 0xc0, 12, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0),
      RCODE.FORMERR,
    ],
    ['a label of an unknown kind', messageOf([1, 0, 0, 0], 0x40, 0, 0, 1, 0, 1), RCODE.FORMERR],
    ['two OPT records', patched(Buffer.concat([withOpt, withOpt.subarray(-11)]), 10, 0, 2), RCODE.FORMERR],
    ['more bytes than a query needs', Buffer.concat([queryOf('a.b'), Buffer.alloc(5_000)]), RCODE.FORMERR],
    ['another version of EDNS', patched(withOpt, withOpt.length - 5, 1), RCODE.BADVERS],
    ['another class', patched(queryOf('a.b'), queryOf('a.b').length - 1, 3), RCODE.REFUSED],
    ['a zone transfer', queryOf('a.b', 'AXFR'), RCODE.REFUSED],
  ])('refuses %s', (_what, message, rcode) => {
    expect(decodeQuery(message)).toMatchObject({ kind: 'refused', rcode })
  })

  it('agrees with dns-packet on every query of the common form', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/)
    const asked = fc.record({
      name: fc.array(label, { minLength: 1, maxLength: 8 }).map((labels) => labels.join('.')),
      type: fc.constantFrom('A' as const, 'AAAA' as const, 'SRV' as const, 'TXT' as const),
      id: fc.nat(65_535),
      udpPayloadSize: fc.constantFrom(0, 512, 4_096),
    })

    fc.assert(
      fc.property(asked, ({ name, type, id, udpPayloadSize }) => {
        const query = queryIn(decodeQuery(queryOf(name, type, { id, udpPayloadSize })))
        expect(query.id).toBe(id)
        expect(query.labels.join('.')).toBe(name.toLowerCase())
        expect(query.type).toBe(TYPE[type])
        expect(query.edns?.udpPayloadBytes ?? 0).toBe(udpPayloadSize)
      }),
    )
  })

  it('has an outcome for every mutation of a query', () => {
    const seeds = [
      queryOf('web.shop.svc.cluster.local'),
      withOpt,
      queryOf('x', 'ANY', { udpPayloadSize: 512 }),
    ]
    const mutation = fc.record({
      seed: fc.constantFrom(...seeds),
      writes: fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 8 }),
      cut: fc.nat(60),
      tail: fc.uint8Array({ maxLength: 40 }),
    })
    const kinds = new Set<string>()

    fc.assert(
      fc.property(mutation, ({ seed, writes, cut, tail }) => {
        const mutated = Buffer.concat([seed.subarray(0, Math.max(12, seed.length - (cut % 30))), tail])
        for (const [offset, byte] of writes) if (offset < mutated.length) mutated[offset] = byte
        kinds.add(decodeQuery(mutated).kind)
      }),
      { numRuns: 20_000 },
    )
    expect([...kinds].sort()).toEqual(['dropped', 'query', 'refused'])
  })
})

describe('encodeRecord', () => {
  it('names the question as the owner, or who is given', () => {
    const bare = messageOf([1, 0, 0, 0], 1, 97, 0, 0, 1, 0, 1)
    const record = encodeRecord({ ttlSeconds: 5, record: { type: 'A', data: '10.96.0.1' } })
    const owned = encodeRecord({ owner: 'b.c', ttlSeconds: 5, record: { type: 'TXT', data: '1.1.0' } })
    const answered = patched(Buffer.concat([bare, record, owned]), 6, 0, 2)

    expect(decode(answered).answers).toMatchObject([
      { name: 'a', type: 'A', ttl: 5, data: '10.96.0.1' },
      { name: 'b.c', type: 'TXT', ttl: 5 },
    ])
  })
})
