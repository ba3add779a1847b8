import { describe, expect, it } from 'vitest'
import { isFrameComing } from './incoming-frame.ts'

const BEFORE = { bytes: 5_000_000, at: 0 }
const coming = (bytes: number, now: number, at = 10_000): boolean =>
  isFrameComing(BEFORE, { bytes: BEFORE.bytes + bytes, at }, now)

describe('a frame for a silent circuit', () => {
  it('may be coming while some bytes come', () => {
    expect(coming(80_000, 10_500)).toBe(true)
  })

  it('is not coming when only answers come, or nothing any more', () => {
    expect(coming(300, 10_500)).toBe(false)
    expect(coming(80_000, 13_000)).toBe(false)
  })

  it('would have come long ago on a link that has brought more since', () => {
    expect(coming(2_000_000, 10_500)).toBe(false)
  })
})
