import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecentStatuses } from './recent-statuses.ts'

const WINDOW_MS = 10_000

describe('RecentStatuses', () => {
  it('counts responses, and the errors among them', () => {
    const recent = new RecentStatuses()
    for (const isError of [true, false, true]) recent.note(isError, 5_000)

    expect([recent.responses, recent.errors]).toEqual([3, 2])
  })

  it('forgets what is older than 10 s', () => {
    const recent = new RecentStatuses()
    recent.note(true, 0)
    recent.note(false, 9_999)
    expect([recent.responses, recent.errors]).toEqual([2, 1])

    recent.note(false, 10_000)
    expect([recent.responses, recent.errors]).toEqual([2, 0])
  })

  it('forgets all after a long silence, and when it is cleared', () => {
    const recent = new RecentStatuses()
    recent.note(true, 1_000)
    recent.note(true, 1_000_000)
    expect(recent.errors).toBe(1)

    recent.clear()
    expect([recent.responses, recent.errors]).toEqual([0, 0])
  })

  it('has all of the latest 9 s and nothing from before 10 s, whenever it is told', () => {
    const responses = fc.array(fc.tuple(fc.nat({ max: 4_000 }), fc.boolean()), { maxLength: 60 })
    fc.assert(
      fc.property(responses, fc.nat({ max: 1e9 }), (steps, start) => {
        const recent = new RecentStatuses()
        const noted: { at: number; isError: boolean }[] = []
        let now = start
        for (const [passedMs, isError] of steps) {
          now += passedMs
          noted.push({ at: now, isError })
          recent.note(isError, now)

          const since = (ms: number): number => noted.filter((one) => one.isError && one.at > now - ms).length
          expect(recent.errors).toBeGreaterThanOrEqual(since(WINDOW_MS - 1_000))
          expect(recent.errors).toBeLessThanOrEqual(since(WINDOW_MS))
        }
      }),
    )
  })
})
