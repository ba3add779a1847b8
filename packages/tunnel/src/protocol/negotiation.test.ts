import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { encodeNegotiation, readNegotiation } from './negotiation.ts'

const PROTOCOL = '/edgeway/flow/1.0.0'
const NEVER = new AbortController().signal

it('sends the choice of the protocol and the first bytes as one', () => {
  const text = encodeNegotiation(PROTOCOL, Buffer.from('first')).toString('latin1')
  expect(text).toBe(`\x13/multistream/1.0.0\n\x14${PROTOCOL}\nfirst`)
  expect(() => encodeNegotiation(`/${'a'.repeat(200)}`, Buffer.alloc(0))).toThrow('too long')
})

it('reads the answer, also byte by byte, and leaves what follows', async () => {
  const bytes = encodeNegotiation(PROTOCOL, Buffer.from('rest'))
  const source = Readable.from(
    [...bytes].map((byte) => Buffer.from([byte])),
    { objectMode: false },
  )
  await readNegotiation(source, PROTOCOL, NEVER)

  expect((await source.toArray()).join('')).toBe('rest')
})

it.each([
  ['a refusal', Buffer.from('\x13/multistream/1.0.0\n\x03na\n'), 'does not speak'],
  ['another protocol', Buffer.from('\x13/multistream/1.0.0\n\x03/a\n'), 'expected /edgeway/flow/1.0.0'],
  ['an end', Buffer.from('\x13/multi'), 'cut off'],
  ['nothing', Buffer.alloc(0), 'cut off'],
  ['a text without end', Buffer.from('\x03abc'), 'cut off'],
  ['a text too long', Buffer.from([0xff, 0xff, 0xff]), 'too long'],
])('does not take %s', async (_what, bytes, message) => {
  const source = Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false })
  await expect(readNegotiation(source, PROTOCOL, NEVER)).rejects.toThrow(message)
})
