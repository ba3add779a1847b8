import { describe, expect, it } from 'vitest'
import { Backlog } from './backlog.ts'

describe('what was sent and may not have arrived', () => {
  it('gets less as on the slowest link', () => {
    const backlog = new Backlog()
    backlog.add(64_000, 1_000)
    backlog.add(16_000, 3_000)
    expect(backlog.bytes(3_000)).toBe(64_000)
    expect(backlog.bytes(7_000)).toBe(32_000)
    expect(backlog.bytes(60_000)).toBe(0)
  })

  it('is what was sent after the question, once that has its answer', () => {
    const backlog = new Backlog()
    backlog.add(64_000, 0)
    backlog.asked()
    backlog.add(1_000, 0)
    expect(backlog.bytes(0)).toBe(65_000)
    backlog.answered()
    expect(backlog.bytes(0)).toBe(1_000)
  })
})
