import { describe, expect, it } from 'vitest'
import { idleCountWithin } from './idle-count.ts'

describe('the number of idle connections', () => {
  it('is the one wanted where there are descriptors enough', () => {
    expect(idleCountWithin(41_000, 10_000)).toEqual({ count: 10_000 })
  })

  it('is what there are descriptors for, and says so, where there are fewer', () => {
    const { count, reason } = idleCountWithin(20_000, 10_000)
    expect(count).toBe(4_700)
    expect(reason).toContain('20000 descriptors')
  })

  it('is none where hardly any descriptors are left', () => {
    expect(() => idleCountWithin(1_024, 10_000)).toThrow('1024 descriptors')
  })
})
