import { describe, expect, it } from 'vitest'
import { BackOff, delayAfterLoss } from './back-off.ts'

describe('the pause before the next attempt', () => {
  it('grows, but leaves time to use a restarted server within 5 s', () => {
    const backOff = new BackOff()
    const delays = Array.from({ length: 20 }, () => backOff.next())
    expect(Math.max(...delays.slice(0, 1))).toBeLessThanOrEqual(200)
    expect(Math.max(...delays)).toBeLessThanOrEqual(3_000)
    expect(Math.min(...delays.slice(5))).toBeGreaterThanOrEqual(1_500)
  })

  it('grows further while the server refuses, and no further than before once it does not', () => {
    const backOff = new BackOff()
    const refused = Array.from({ length: 20 }, () => backOff.next('refused'))
    expect(Math.min(...refused.slice(10))).toBeGreaterThanOrEqual(15_000)
    expect(Math.max(...refused)).toBeLessThanOrEqual(30_000)
    expect(backOff.next()).toBeLessThanOrEqual(3_000)
  })

  it('stays short while nothing answers at all: a link may be up for seconds', () => {
    const backOff = new BackOff()
    const delays = Array.from({ length: 20 }, () => backOff.next('unreached'))
    expect(Math.max(...delays)).toBeLessThanOrEqual(500)
    expect(Math.min(...delays.slice(5))).toBeGreaterThanOrEqual(250)
  })

  it('is spread by the number of agents that the lost server had', () => {
    expect(delayAfterLoss(1, 1)).toBe(10)
    expect(delayAfterLoss(400, 0.5)).toBe(2_000)
    expect(delayAfterLoss(100_000, 1)).toBe(10_000)
  })
})
