import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answersIn, decode, queryOf, rcodeIn, replyTo } from '../../test/support/query.ts'
import { decodeQuery, encodeRecord, type Query } from '../message.ts'
import { RCODE } from './codes.ts'
import { type Content, encodeRefusal, encodeResponse, rcodeOf } from './response.ts'

function query(...args: Parameters<typeof queryOf>): Query {
  const decoded = decodeQuery(queryOf(...args))
  if (decoded.kind !== 'query') throw new Error('the test asks well')
  return decoded.query
}

function addresses(ips: readonly string[]): Extract<Content, { kind: 'records' }> {
  const answers = ips.map((data) => encodeRecord({ ttlSeconds: 5, record: { type: 'A', data } }))
  return { kind: 'records', rcode: RCODE.NOERROR, authoritative: true, answers, authority: [] }
}

describe('encodeResponse', () => {
  it('writes what dns-packet reads, for any name, number of records and EDNS size', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/)
    const asked = fc.record({
      name: fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.')),
      id: fc.nat(65_535),
      udpPayloadSize: fc.constantFrom(0, 512, 1_232),
      ips: fc.array(fc.ipV4(), { maxLength: 40 }),
    })

    fc.assert(
      fc.property(asked, ({ name, id, udpPayloadSize, ips }) => {
        const response = encodeResponse(query(name, 'A', { id, udpPayloadSize }), addresses(ips), 65_535)
        const { id: readId, questions, answers, additionals } = decode(response)
        expect(readId).toBe(id)
        expect(questions).toEqual([{ name, type: 'A', class: 'IN' }])
        expect(answers?.map((answer) => answer.name)).toEqual(ips.map(() => name))
        expect(answersIn(response)).toEqual(ips)
        expect(additionals).toHaveLength(udpPayloadSize === 0 ? 0 : 1)
      }),
    )
  })

  it('says that it is authoritative and that recursion is available, and repeats the wish for it', () => {
    expect(decode(encodeResponse(query('a.b'), addresses([]), 512))).toMatchObject({
      flag_qr: true,
      flag_aa: true,
      flag_rd: true,
      flag_ra: true,
      flag_tc: false,
    })
    expect(decode(encodeResponse(query('a.b', 'A', { flags: 0 }), addresses([]), 512)).flag_rd).toBe(false)
  })

  it('cuts what does not fit to as many whole answers as do, and says so', () => {
    const ips = Array.from({ length: 50 }, (_, i) => `10.96.0.${i}`)
    const many = addresses(ips)
    const response = encodeResponse(query('a.b', 'A', { udpPayloadSize: 512 }), many, 512)

    // Header 12, question 9, OPT record 11; 16 each.
    expect(answersIn(response)).toEqual(ips.slice(0, 30))
    expect(decode(response)).toMatchObject({ flag_tc: true, additionals: [{ type: 'OPT' }] })
    expect(answersIn(encodeResponse(query('a.b'), many, 65_535))).toHaveLength(50)
  })

  it('leaves additional records out before any answer, and says nothing of that', () => {
    const additional = addresses(['10.96.0.1', '10.96.0.2'])
    const content = { ...addresses(['10.96.0.3']), additional: additional.answers } as const
    const whole = encodeResponse(query('a.b'), content, 512)
    expect(decode(whole)).toMatchObject({ flag_tc: false, additionals: [{}, {}] })

    const tight = encodeResponse(query('a.b'), content, whole.length - 1)
    expect(decode(tight)).toMatchObject({ flag_tc: false, answers: [{}], additionals: [] })
  })

  it('turns addresses round from one client id to the next, behind what must come first', () => {
    const content = { ...addresses(['10.96.0.9', '10.1.0.1', '10.1.0.2', '10.1.0.3']), rotating: 3 } as const
    const first = (id: number) => answersIn(encodeResponse(query('a.b', 'A', { id }), content, 512))

    expect(first(0)).toEqual(['10.96.0.9', '10.1.0.1', '10.1.0.2', '10.1.0.3'])
    expect(first(1)).toEqual(['10.96.0.9', '10.1.0.2', '10.1.0.3', '10.1.0.1'])
    expect(first(65_534)).toEqual(['10.96.0.9', '10.1.0.3', '10.1.0.1', '10.1.0.2'])
  })

  it('puts the upper bits of a response code into the OPT record', () => {
    const content = { ...addresses([]), rcode: RCODE.BADVERS } as Content
    const response = encodeResponse(query('a.b', 'A', { udpPayloadSize: 512 }), content, 512)

    expect(rcodeIn(response)).toBe(0)
    expect(decode(response).additionals).toMatchObject([{ extendedRcode: 1 }])
    expect(rcodeOf(content)).toBe(RCODE.BADVERS)
  })

  it("relays an upstream's message under the client's id and with the question in its case", () => {
    const upstreams = replyTo(queryOf('example.com', 'A', { id: 7 }), ['192.0.2.1'])
    const response = encodeResponse(query('eXample.com'), { kind: 'message', message: upstreams }, 512)

    expect(decode(response)).toMatchObject({ id: 0x1234, questions: [{ name: 'eXample.com' }] })
    expect(answersIn(response)).toEqual(['192.0.2.1'])
    expect(decode(upstreams).id).toBe(7)
  })

  it("cuts an upstream's message that does not fit", () => {
    const upstreams = replyTo(queryOf('a.b'), Array<string>(60).fill('192.0.2.1'))
    const response = encodeResponse(query('a.b'), { kind: 'message', message: upstreams }, 512)

    expect(decode(response)).toMatchObject({ flag_tc: true, answers: [] })
  })
})

it('refuses with a mere header what has no readable question', () => {
  const refusal = encodeRefusal(Buffer.from([1, 2, 0x29, 0, 0, 9, 0, 9, 0, 9, 0, 9]), RCODE.NOTIMP)

  expect(decode(refusal)).toMatchObject({
    id: 0x102,
    flag_qr: true,
    opcode: 'UPDATE',
    questions: [],
    answers: [],
  })
  expect(rcodeIn(refusal)).toBe(RCODE.NOTIMP)
})
