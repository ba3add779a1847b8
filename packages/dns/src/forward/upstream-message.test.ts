import { TRUNCATED_RESPONSE } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { decode, queryOf, replyTo } from '../../test/support/query.ts'
import { decodeQuery, type Query } from '../message.ts'
import { encodeUpstreamQuery, isReplyTo } from './upstream-message.ts'

function query(...args: Parameters<typeof queryOf>): Query {
  const decoded = decodeQuery(queryOf(...args))
  if (decoded.kind !== 'query') throw new Error('the test asks well')
  return decoded.query
}

describe('encodeUpstreamQuery', () => {
  it("asks the client's question under an id of our own", () => {
    expect(decode(encodeUpstreamQuery(query('eXample.com', 'MX'), 7))).toMatchObject({
      id: 7,
      flag_rd: true,
      questions: [{ name: 'eXample.com', type: 'MX', class: 'IN' }],
      additionals: [],
    })
  })

  it("passes the client's wishes on and no other flag", () => {
    const all = 0x7ff & ~TRUNCATED_RESPONSE & ~0xf
    expect(decode(encodeUpstreamQuery(query('a.b', 'A', { flags: all }), 7))).toMatchObject({
      flag_rd: true,
      flag_ad: true,
      flag_cd: true,
      flag_aa: false,
      flag_ra: false,
      flag_z: false,
    })
    expect(decode(encodeUpstreamQuery(query('a.b', 'A', { flags: 0 }), 7)).flag_rd).toBe(false)
  })

  it('passes the wish for DNSSEC on, with a size that is never fragmented', () => {
    const sent = encodeUpstreamQuery(query('a.b', 'A', { udpPayloadSize: 4_096, dnssecOk: true }), 7)
    expect(decode(sent).additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1_232, flag_do: true }])
  })
})

describe('isReplyTo', () => {
  const asked = query('eXample.com')
  const sent = encodeUpstreamQuery(asked, 7)
  const matches = (reply: Buffer): boolean => isReplyTo(sent, asked.question, reply)

  it('takes the reply to the question that was sent, in whatever case', () => {
    expect(matches(replyTo(sent, ['192.0.2.1']))).toBe(true)
    expect(matches(replyTo(queryOf('example.COM', 'A', { id: 7 }), ['192.0.2.1']))).toBe(true)
  })

  it.each<[string, Buffer]>([
    ['another id', replyTo(sent, ['192.0.2.1'], { id: 8 })],
    ['another name', replyTo(queryOf('example.org', 'A', { id: 7 }), ['192.0.2.1'])],
    ['another type', replyTo(queryOf('example.com', 'AAAA', { id: 7 }), [])],
    ['no question', Buffer.concat([Buffer.from([0, 7, 0x81, 0x80, 0, 0]), sent.subarray(6)])],
    ['the query itself', sent],
    ['a cut message', replyTo(sent, []).subarray(0, 20)],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', (_what, reply) => {
    expect(matches(reply)).toBe(false)
  })
})
