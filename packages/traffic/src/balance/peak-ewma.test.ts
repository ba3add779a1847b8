import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PeakEwma } from './peak-ewma.ts'

const DECAY_MS = 10_000

describe('PeakEwma', () => {
  it('is 0 before the first observation, and then what was observed', () => {
    const ewma = new PeakEwma()
    expect(ewma.valueAt(0)).toBe(0)

    ewma.observe(12, 5_000)
    expect(ewma.valueAt(5_000)).toBe(12)
  })

  it('rises to a peak at once', () => {
    const ewma = new PeakEwma()
    ewma.observe(10, 0)
    ewma.observe(500, 1)

    expect(ewma.valueAt(1)).toBe(500)
  })

  it('comes down with time to what is observed, however often that is', () => {
    for (const stepMs of [1, 10, 100]) {
      const ewma = new PeakEwma()
      ewma.observe(1_000, 0)
      for (let now = stepMs; now <= DECAY_MS; now += stepMs) ewma.observe(10, now)

      expect(ewma.valueAt(DECAY_MS)).toBeCloseTo(10 + 990 / Math.E)
    }
  })

  it('falls to 0 while nothing is observed', () => {
    const ewma = new PeakEwma()
    ewma.observe(100, 0)

    expect(ewma.valueAt(DECAY_MS)).toBeCloseTo(100 / Math.E)
    expect(ewma.valueAt(20 * DECAY_MS)).toBeLessThan(1e-6)
  })

  it('takes its time as it is told', () => {
    const ewma = new PeakEwma(2_000)
    ewma.observe(100, 0)

    expect(ewma.valueAt(2_000)).toBeCloseTo(100 / Math.E)
  })

  it('is never below the last observation nor above the highest when it is made', () => {
    const observations = fc.array(fc.record({ ms: fc.nat({ max: 9_999 }), afterMs: fc.nat({ max: 60_000 }) }))
    fc.assert(
      fc.property(observations, (all) => {
        const ewma = new PeakEwma()
        let [now, highest] = [0, 0]
        for (const { ms, afterMs } of all) {
          now += afterMs
          highest = Math.max(highest, ms)
          ewma.observe(ms, now)
          expect(ewma.valueAt(now)).toBeGreaterThanOrEqual(ms - 1e-9)
          expect(ewma.valueAt(now)).toBeLessThanOrEqual(highest + 1e-9)
        }
      }),
    )
  })
})
