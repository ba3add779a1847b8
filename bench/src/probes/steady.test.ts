import { describe, expect, it } from 'vitest'
import { type Attempt, longestSilence, outageOf } from './steady.ts'

const QUICK_MS = 500

function attempt(startedAt: number, ms: number, outcome: Attempt['outcome'] = 'ok'): Attempt {
  return { startedAt, ms, outcome }
}

describe('an outage', () => {
  it('lasts until a connection is started from which on all are quick', () => {
    const attempts = [
      attempt(900, 20),
      attempt(1_000, 1_200),
      attempt(2_000, 20),
      attempt(2_500, 600),
      attempt(3_000, 20),
    ]
    expect(outageOf(attempts, 1_000, QUICK_MS)).toEqual({ seconds: 2, failed: 0, slowestSeconds: 1.2 })
  })

  it('is none where all connections are quick', () => {
    const attempts = [attempt(900, 2_000), attempt(1_000, 20), attempt(1_100, 20)]
    expect(outageOf(attempts, 1_000, QUICK_MS)).toEqual({ seconds: 0, failed: 0, slowestSeconds: 0.02 })
  })

  it('counts connections that came to nothing', () => {
    const attempts = [attempt(1_000, 3, 'failed'), attempt(1_100, 10_000, 'silent'), attempt(1_200, 20)]
    expect(outageOf(attempts, 1_000, QUICK_MS)).toEqual({ seconds: 0.2, failed: 2, slowestSeconds: 0.02 })
  })

  it('has no end where the last connection suffered', () => {
    expect(outageOf([attempt(1_000, 3, 'failed')], 1_000, QUICK_MS).seconds).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('the longest time without an answer', () => {
  it('is from one answer to the next, whenever those connections were started', () => {
    const attempts = [attempt(1_000, 20), attempt(1_050, 1_950), attempt(1_100, 1_800), attempt(3_000, 20)]
    expect(longestSilence(attempts, 1_000, 3_500)).toBe(1.88)
  })

  it('begins with the disturbance', () => {
    expect(longestSilence([attempt(500, 20), attempt(2_000, 20)], 1_000, 2_100)).toBe(1.02)
  })

  it('is all of the time where nothing answers', () => {
    const attempts = [attempt(1_000, 3, 'failed'), attempt(1_100, 10_000, 'silent')]
    expect(longestSilence(attempts, 1_000, 6_000)).toBe(5)
  })
})
