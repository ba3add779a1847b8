import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { patternChunks, patternSha256 } from './byte-pattern.ts'

describe('the byte pattern', () => {
  it.each([0, 1, 4, 65_535, 65_536, 65_537, 200_001])(
    'has exactly %i bytes, the same each time',
    (byteCount) => {
      const bytes = Buffer.concat([...patternChunks(byteCount)])
      expect(bytes.length).toBe(byteCount)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(patternSha256(byteCount))
    },
  )

  it('is the beginning of any longer one', () => {
    const long = Buffer.concat([...patternChunks(200_000)])
    expect(Buffer.concat([...patternChunks(70_001)]).equals(long.subarray(0, 70_001))).toBe(true)
  })

  it('does not repeat itself', () => {
    const bytes = Buffer.concat([...patternChunks(1_048_576)])
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    expect(new Set(words).size).toBe(words.length)
  })
})
