import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatagramDecoder, encodeDatagram, REFUSED_MARK } from './datagram-frames.ts'

/** What a decoder finds in the chunks: the datagrams, and `refused` for each mark. */
function decode(chunks: readonly Buffer[]): (Buffer | 'refused')[] {
  const found: (Buffer | 'refused')[] = []
  const decoder = new DatagramDecoder({
    onDatagram: (datagram) => void found.push(datagram),
    onRefused: () => void found.push('refused'),
  })
  for (const chunk of chunks) decoder.push(chunk)
  return found
}

/** Cuts the bytes at those places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [...at, bytes.length].map((end, index) => bytes.subarray(at[index - 1] ?? 0, end))
}

const datagrams = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(65_527).map((length) => Buffer.alloc(length, length % 251)),
  ),
  { maxLength: 8 },
)

describe('datagrams in a stream', () => {
  it('are found again however the stream is cut', () => {
    fc.assert(
      fc.property(datagrams, fc.array(fc.nat()), (sent, places) => {
        const chunks = cut(Buffer.concat(sent.map(encodeDatagram)), places)

        const found = decode(chunks)

        expect(found).toHaveLength(sent.length)
        expect(Buffer.concat(found.map((one) => encodeDatagram(Buffer.from(one))))).toSatisfy((all) =>
          Buffer.concat(sent.map(encodeDatagram)).equals(all),
        )
      }),
    )
  })

  it('are found again when each byte comes alone', () => {
    const sent = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('two')]
    const bytes = Buffer.concat([...sent.map(encodeDatagram), REFUSED_MARK])

    expect(decode([...bytes].map((byte) => Buffer.of(byte)))).toEqual([...sent, 'refused'])
  })

  it('are in memory that a later chunk does not touch', () => {
    const [first, second] = [encodeDatagram(Buffer.from('first')), encodeDatagram(Buffer.from('second'))]
    const bytes = Buffer.concat([first, second])

    const found = decode([bytes.subarray(0, 4), bytes.subarray(4, 10), bytes.subarray(10)])

    expect(found.map(String)).toEqual(['first', 'second'])
  })

  it('may be anything: no bytes are an error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        decode(chunks.map((chunk) => Buffer.from(chunk)))
      }),
    )
  })

  it('go on behind a mark that is not known', () => {
    const unknown = Buffer.from([0xff, 0xf8])

    expect(decode([Buffer.concat([unknown, encodeDatagram(Buffer.from('next'))])])).toEqual([
      Buffer.from('next'),
    ])
  })
})
