import { getEventListeners } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { encodeFrame, type FrameFormat, readFrame } from './frames.ts'

const FORMAT: FrameFormat = { prefixBytes: 2, maxBytes: 1000 }
const never = new AbortController().signal

describe('readFrame', () => {
  it('reads what encodeFrame wrote, however the bytes are cut, and leaves the bytes behind', async () => {
    const payload = fc.uint8Array({ minLength: 1, maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(payload, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 50 }),
        async (payloads, cut) => {
          const bytes = Buffer.concat([
            ...payloads.map((one) => encodeFrame(FORMAT, one)),
            Buffer.from('rest'),
          ])
          const source = Readable.from(chunksOf(bytes, cut), { objectMode: false })

          for (const expected of payloads)
            expect(await readFrame(source, FORMAT, never)).toEqual(Buffer.from(expected))

          expect(Buffer.concat(await source.toArray()).toString()).toBe('rest')
        },
      ),
    )
  })

  it('is undefined at the end of the source', async () => {
    expect(await readFrame(Readable.from([]), FORMAT, never)).toBeUndefined()
  })

  it.each([
    ['empty', Buffer.from([0, 0])],
    ['too large', Buffer.from([0x03, 0xe9, 1])],
    ['cut off in its length', Buffer.from([0])],
    ['cut off in its payload', Buffer.from([0, 5, 1, 2])],
  ])('refuses a frame that is %s', async (_what, bytes) => {
    await expect(readFrame(Readable.from([bytes], { objectMode: false }), FORMAT, never)).rejects.toThrow(
      ProtocolError,
    )
  })

  it('gives up when the signal aborts', async () => {
    const controller = new AbortController()
    const reading = readFrame(new PassThrough(), FORMAT, controller.signal)
    controller.abort(new Error('enough'))

    await expect(reading).rejects.toThrow('enough')
  })

  it('leaves nothing behind at a signal that outlives it', async () => {
    const { signal } = new AbortController()
    const source = new PassThrough()
    const reading = readFrame(source, FORMAT, signal)
    for (const byte of encodeFrame(FORMAT, Buffer.from('slow'))) {
      source.write(Buffer.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await reading

    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('rejects with the error of a source that fails', async () => {
    const source = new PassThrough()
    const reading = readFrame(source, FORMAT, never)
    source.destroy(new Error('reset'))

    await expect(reading).rejects.toThrow('reset')
  })
})

it('refuses to write a frame that nobody would read', () => {
  expect(() => encodeFrame(FORMAT, Buffer.alloc(0))).toThrow(ProtocolError)
  expect(() => encodeFrame(FORMAT, Buffer.alloc(1001))).toThrow(ProtocolError)
})

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
