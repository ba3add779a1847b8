import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeFrame, FrameReader } from './tcp-frames.ts'

it('finds the same messages however the stream is split', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 })
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 })

  fc.assert(
    fc.property(messages, sizes, (sent, chunkSizes) => {
      const stream = Buffer.concat(sent.map((message) => encodeFrame(Buffer.from(message))))
      const reader = new FrameReader(100)
      const found: Buffer[] = []
      for (let offset = 0, turn = 0; offset < stream.length; turn++) {
        const size = chunkSizes[turn % chunkSizes.length] ?? 1
        found.push(...(reader.push(stream.subarray(offset, offset + size)) ?? []))
        offset += size
      }
      expect(found).toEqual(sent.map((message) => Buffer.from(message)))
    }),
  )
})

it('gives up on a message that is too long as soon as its length is known', () => {
  const reader = new FrameReader(100)

  expect(reader.push(Buffer.from([0]))).toEqual([])
  expect(reader.push(Buffer.from([101]))).toBeUndefined()
})
