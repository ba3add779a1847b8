import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode } from '../../test/support/query.ts'
import { encodeRecord } from '../message.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { HEADER_BYTES } from '../wire/header.ts'
import { queryFor } from '../wire/query-for.ts'
import { aliasStep } from './alias-step.ts'

const query = queryFor(['www', 'example', 'com'], TYPE.A)

/** An upstream's message with compressed names, as they are on the wire: dns-packet writes none. */
function messageOf(records: readonly Buffer[], counts: readonly [number, number, number], flags = 0x8180) {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(flags, 2)
  for (const [index, count] of [1, ...counts].entries()) header.writeUInt16BE(count, 4 + index * 2)
  return Buffer.concat([header, query.question, ...records])
}

const POINTER_TO_QUESTION = Buffer.from([0xc0, HEADER_BYTES])
/** `example.com`, within the question. */
const POINTER_TO_EXAMPLE = Buffer.from([0xc0, HEADER_BYTES + 4])
const label = (text: string): Buffer => Buffer.from(`${String.fromCharCode(text.length)}${text}`)

function record(owner: Buffer, [type, recordClass = 1]: readonly [number, number?], data: Buffer): Buffer {
  const fields = Buffer.alloc(10)
  fields.writeUInt16BE(type, 0)
  fields.writeUInt16BE(recordClass, 2)
  fields.writeUInt32BE(300, 4)
  fields.writeUInt16BE(data.length, 8)
  return Buffer.concat([owner, fields, data])
}

function stepOf(message: Buffer) {
  return aliasStep(query, { zone: 'forward', rule: 'upstream', content: { kind: 'message', message } })
}

/** Records as lines, read by dns-packet in a message of their own. */
function lines(records: readonly Buffer[]): string[] {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(0x8180, 2)
  header.writeUInt16BE(records.length, 6)
  const { answers = [] } = decode(Buffer.concat([header, ...records]))
  return answers.map(
    (answer) => `${answer.name} ${answer.type} ${JSON.stringify('data' in answer ? answer.data : '')}`,
  )
}

const WEB = Buffer.concat([label('web'), POINTER_TO_EXAMPLE])
const cname = record(POINTER_TO_QUESTION, [TYPE.CNAME], WEB)
const address = record(WEB, [TYPE.A], Buffer.from([192, 0, 2, 1]))

describe('aliasStep', () => {
  it('gives records of the zone their owner byte by byte, whatever bytes upstreams have led there by', () => {
    const binary = queryFor(['10-1-0-7', '\xff.\x80', 'pod'], TYPE.A)
    const own = encodeRecord({ ttlSeconds: 5, record: { type: 'A', data: '10.1.0.7' } })
    const content = { kind: 'records', rcode: 0, authoritative: true, answers: [own], authority: [] } as const

    const { answers } = aliasStep(binary, { zone: 'cluster', rule: 'pod', content })
    const name = Buffer.from('\x0810-1-0-7\x03\xff.\x80\x03pod\0', 'latin1')
    expect(answers).toEqual([Buffer.concat([name, own.subarray(2)])])
  })

  it('writes names out that an upstream has compressed, in whatever order the records are', () => {
    for (const records of [
      [cname, address],
      [address, cname],
    ]) {
      expect(lines(stepOf(messageOf(records, [2, 0, 0])).answers)).toEqual([
        'www.example.com CNAME "web.example.com"',
        'web.example.com A "192.0.2.1"',
      ])
    }
  })

  it('has the SOA record of what does not exist', () => {
    const numbers = Buffer.alloc(20, 1)
    const data = Buffer.concat([label('ns'), POINTER_TO_EXAMPLE, label('admin'), POINTER_TO_EXAMPLE, numbers])
    const soa = record(POINTER_TO_EXAMPLE, [TYPE.SOA], data)
    const step = stepOf(messageOf([soa], [0, 1, 0], 0x8183))

    expect([step.rcode, step.next]).toEqual([RCODE.NXDOMAIN, undefined])
    expect(lines(step.authority)).toEqual([
      expect.stringContaining('"mname":"ns.example.com","rname":"admin.example.com"'),
    ])
  })

  it('leads on to the end of a chain that the upstream does not know', () => {
    expect(stepOf(messageOf([cname], [1, 0, 0])).next).toEqual(['web', 'example', 'com'])
  })

  it.each<[string, Buffer]>([
    ['a circle', messageOf([record(POINTER_TO_QUESTION, [TYPE.CNAME], POINTER_TO_QUESTION)], [1, 0, 0])],
    ['a truncated message', messageOf([cname, address], [2, 0, 0], 0x8380)],
    ['a malformed one', messageOf([cname, address.subarray(0, -1)], [2, 0, 0])],
    ['SERVFAIL', messageOf([], [0, 0, 0], 0x8182)],
  ])('knows nothing by %s', (_what, message) => {
    expect(stepOf(message)).toMatchObject({ rcode: RCODE.SERVFAIL, answers: [], next: undefined })
  })

  it('takes no records of other names, classes or sections', () => {
    const other = record(
      Buffer.concat([label('evil'), POINTER_TO_EXAMPLE]),
      [TYPE.A],
      Buffer.from([1, 2, 3, 4]),
    )
    const chaos = record(POINTER_TO_QUESTION, [TYPE.A, 3], Buffer.from([1, 2, 3, 4]))
    const additional = record(WEB, [TYPE.A], Buffer.from([1, 2, 3, 4]))
    const step = stepOf(messageOf([other, chaos, cname, address, additional], [4, 0, 1]))

    expect(lines(step.answers)).toHaveLength(2)
  })

  it('has an outcome for any bytes, and records that can be read', () => {
    const seed = messageOf([cname, address], [2, 0, 0])
    const writes = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(writes, (changes) => {
        const message = Buffer.from(seed)
        for (const [offset, byte] of changes) {
          // The question is the one that was asked: isReplyTo has seen to it.
          const isOfQuestion = offset >= HEADER_BYTES && offset < HEADER_BYTES + query.question.length
          if (!isOfQuestion) message[offset] = byte
        }
        message.writeUInt16BE(1, 4)
        expect(() => lines(stepOf(message).answers)).not.toThrow()
      }),
      { numRuns: 2_000 },
    )
  })
})
