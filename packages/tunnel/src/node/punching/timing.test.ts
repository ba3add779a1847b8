import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { goDelayMs, resultMs, retryPauseMs, tryMs, upgradeMs } from './timing.ts'

const rtt = fc.double({ min: 0, max: 100_000, noNaN: true })
const chance = fc.double({ min: 0, max: 1, noNaN: true })

it('a try is long enough for the second SYN of the kernel, sent after 1 s, to be answered', () => {
  expect(tryMs(0)).toBeGreaterThan(1_100)
  expect(tryMs(500)).toBeGreaterThan(1_000 + 2 * 500)
})

it('an upgrade gets six round trips and three seconds at least', () => {
  expect(upgradeMs(200)).toBeGreaterThanOrEqual(6 * 200 + 3_000)
})

it('all times are whole and bounded, whatever a peer makes of the round-trip time', () => {
  fc.assert(
    fc.property(rtt, (ms) => {
      for (const time of [tryMs(ms), upgradeMs(ms), resultMs(ms)]) {
        expect(Number.isInteger(time)).toBe(true)
        expect(time).toBeLessThan(100_000)
      }
    }),
  )
})

describe('the pause after a refused attempt', () => {
  it('is none at first on a short way, and never longer than 25 ms and half a round trip', () => {
    expect(retryPauseMs(1, 1, 1)).toBe(0)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), rtt, chance, (attempts, ms, by) => {
        expect(retryPauseMs(attempts, ms, by)).toBeLessThanOrEqual(26 + Math.min(ms, 5_000) / 2)
      }),
    )
  })

  it('is left to chance: equal ones would miss each other again and again', () => {
    expect(retryPauseMs(80, 0, 0.2)).toBeLessThan(retryPauseMs(80, 0, 0.9))
  })
})

describe('the initiator goes', () => {
  it('half a round trip after its word', () => {
    expect(goDelayMs(100, undefined, 0.5)).toBe(50)
    expect(goDelayMs(100, { own: 'timeout', peer: 'timeout' }, 0.5)).toBe(50)
  })

  it('later when it was refused and the peer was not, earlier when the peer was', () => {
    expect(goDelayMs(100, { own: 'reset', peer: 'timeout' }, 0.5)).toBeGreaterThan(50)
    expect(goDelayMs(100, { own: 'timeout', peer: 'reset' }, 0.5)).toBeLessThan(50)
  })

  it('at another moment when both were refused', () => {
    const last = { own: 'reset', peer: 'reset' } as const
    expect(goDelayMs(100, last, 0.1)).toBeLessThan(50)
    expect(goDelayMs(100, last, 0.9)).toBeGreaterThan(50)
  })
})
