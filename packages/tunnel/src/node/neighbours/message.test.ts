import dnsPacket from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage, MAX_MESSAGE_BYTES, TYPE } from './message.ts'

/** Header of a response that counts so many answers. */
function header(answers: number): Buffer {
  return Buffer.from([0, 0, 0x84, 0, 0, 0, answers >> 8, answers & 0xff, 0, 0, 0, 0])
}

const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/)
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const ttl = fc.nat(100_000)
const answer = fc.oneof(
  fc.record({ type: fc.constant('PTR' as const), name, ttl, data: name }),
  fc.record({
    ...{ type: fc.constant('SRV' as const), name, ttl },
    data: fc.record({ port: fc.nat(65_535), target: name }),
  }),
  fc.record({
    ...{ type: fc.constant('TXT' as const), name, ttl },
    data: fc.array(label, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('A' as const), name, ttl, data: fc.constant('192.168.1.1') }),
)
const message = fc.record({
  type: fc.constantFrom('query' as const, 'response' as const),
  questions: fc.array(fc.record({ name, type: fc.constantFrom('PTR' as const, 'SRV' as const) }), {
    maxLength: 3,
  }),
  answers: fc.array(answer, { maxLength: 3 }),
  additionals: fc.array(answer, { maxLength: 2 }),
})

describe('reading a message', () => {
  it('finds what another implementation has written', () => {
    fc.assert(
      fc.property(message, (written) => {
        const read = decodeMessage(dnsPacket.encode(written))
        expect(read?.isResponse).toBe(written.type === 'response')
        expect(read?.questions.map((each) => each.name)).toEqual(written.questions.map((each) => each.name))
        expect(read?.answers.map(({ name, ttlSeconds }) => [name, ttlSeconds])).toEqual(
          written.answers.map(({ name, ttl }) => [name, ttl]),
        )
        expect(read?.additionals).toHaveLength(written.additionals.length)
      }),
    )
  })

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decodeMessage(Buffer.from(bytes))),
    )
  })

  it('never throws at a message that was damaged', () => {
    const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(message, damage, fc.nat(400), (written, changes, length) => {
        const bytes = dnsPacket.encode(written)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        decodeMessage(bytes.subarray(0, length))
      }),
      { numRuns: 1_000 },
    )
  })

  it('follows names that are written shorter', () => {
    const record = (owner: readonly number[], target: readonly number[]): Buffer =>
      Buffer.from([...owner, 0, TYPE.PTR, 0, 1, 0, 0, 0, 60, 0, target.length, ...target])
    // "a.b", then "c." and a pointer to "b", which stands at 14.
    const first = record([1, 97, 1, 98, 0], [1, 99, 0xc0, 14])
    const read = decodeMessage(Buffer.concat([header(1), first]))
    expect(read?.answers).toEqual([
      { name: 'a.b', type: TYPE.PTR, ttlSeconds: 60, data: { kind: 'PTR', target: 'c.b' } },
    ])
  })

  it.each([
    ['leads to itself', [0xc0, 12]],
    ['leads ahead', [0xc0, 40]],
    ['has no end', [5, 97]],
    ['has a label of a kind that there is not', [0x80, 97, 0]],
  ])('refuses a name that %s', (_what, bytes) => {
    const tail = [0, TYPE.PTR, 0, 1, 0, 0, 0, 60, 0, 1, 0]
    expect(decodeMessage(Buffer.concat([header(1), Buffer.from([...bytes, ...tail])]))).toBeUndefined()
  })

  it('refuses what counts more records than it can hold, or is longer than a frame', () => {
    expect(decodeMessage(Buffer.concat([header(0xff_ff), Buffer.alloc(1_000)]))).toBeUndefined()
    expect(decodeMessage(Buffer.concat([header(0), Buffer.alloc(MAX_MESSAGE_BYTES)]))).toBeUndefined()
  })

  it('refuses a TXT record that is cut off, which dns-packet takes for whole', () => {
    const text = Buffer.from([0, 0, TYPE.TXT, 0, 1, 0, 0, 0, 60, 0, 200, 1, 97])
    expect(decodeMessage(Buffer.concat([header(1), text]))).toBeUndefined()
  })

  it('leaves records of other classes out', () => {
    const bytes = dnsPacket.encode({ type: 'query', questions: [{ name: 'a', type: 'PTR', class: 'CH' }] })
    expect(decodeMessage(bytes)?.questions).toEqual([])
  })
})

it('writes a question of any type that it reads', () => {
  const bytes = encodeMessage({ type: 'query', questions: [{ name: 'a.local', type: 'ANY' }] })
  expect(decodeMessage(bytes)?.questions).toEqual([
    { name: 'a.local', type: TYPE.ANY, isUnicastWanted: false },
  ])
})
