import { describe, expect, it } from 'vitest'
import type { Candidate } from './balancer.ts'
import { PeakEwma } from './peak-ewma.ts'
import { PowerOfTwoChoices } from './power-of-two-choices.ts'
import { candidate, countKeys, notEmpty, seededRandom } from './test/candidates.ts'

/** All picks of two candidates, of which both are always looked at. */
function winners(one: Partial<Candidate>, other: Partial<Candidate>): readonly string[] {
  const candidates = [candidate('one', one), candidate('other', other)] as const
  const balancer = new PowerOfTwoChoices(seededRandom(1))
  return Object.keys(countKeys(Array.from({ length: 50 }, () => balancer.pick(candidates)))).toSorted()
}

describe('PowerOfTwoChoices', () => {
  it('picks the one that connects sooner', () => {
    expect(winners({ connectMs: 20 }, { connectMs: 10 })).toEqual(['other'])
  })

  it('picks the slower one once the faster one has that many more flows', () => {
    expect(winners({ connectMs: 20 }, { connectMs: 10, openFlows: 2 })).toEqual(['one'])
  })

  it('counts the cost by weight', () => {
    expect(winners({ connectMs: 20, weight: 3 }, { connectMs: 10 })).toEqual(['one'])
  })

  it('picks either of two that cost the same', () => {
    expect(winners({ connectMs: 10 }, { connectMs: 10 })).toEqual(['one', 'other'])
  })

  it('tries one at once that was never measured, but with one flow until it has answered', () => {
    expect(winners({}, { connectMs: 1 })).toEqual(['one'])
    expect(winners({ openFlows: 1 }, { connectMs: 1 })).toEqual(['other'])
  })

  it('spreads the first flows over all that were never measured', () => {
    const open = new Map<string, number>()
    const balancer = new PowerOfTwoChoices(seededRandom(1))
    for (let flow = 0; flow < 40; flow++) {
      const [a, b] = ['a', 'b'].map((key) => candidate(key, { openFlows: open.get(key) ?? 0 }))
      const { key } = balancer.pick(notEmpty([a, b].filter((one) => one !== undefined)))
      open.set(key, (open.get(key) ?? 0) + 1)
    }

    expect(Object.fromEntries(open)).toEqual({ a: 20, b: 20 })
  })

  it('looks at a heavy one as often as its weight says, among many', () => {
    const light = Array.from({ length: 99 }, (_, index) => candidate(`${index}`, { connectMs: 1 }))
    const candidates = notEmpty([candidate('heavy', { connectMs: 1, weight: 99 }), ...light])
    const balancer = new PowerOfTwoChoices(seededRandom(1))

    const counts = countKeys(Array.from({ length: 1_000 }, () => balancer.pick(candidates)))

    expect(counts['heavy']).toBeGreaterThan(500)
  })

  it('stays away from a slow one among many', () => {
    const fast = Array.from({ length: 9 }, (_, index) => candidate(`${index}`, { connectMs: 5 }))
    const candidates = notEmpty([candidate('slow', { connectMs: 500 }), ...fast])
    const balancer = new PowerOfTwoChoices(seededRandom(1))

    const counts = countKeys(Array.from({ length: 1_000 }, () => balancer.pick(candidates)))

    expect(counts['slow']).toBeUndefined()
  })

  it('tries a slow one again after a while, and leaves it again while it is slow', () => {
    const averages = { slow: new PeakEwma(), fast: new PeakEwma() }
    const takes = { slow: 100, fast: 10 }
    const balancer = new PowerOfTwoChoices(seededRandom(1))
    const picks: { key: 'slow' | 'fast'; now: number }[] = []
    for (let now = 0; now < 120_000; now += 100) {
      const seen = (['slow', 'fast'] as const).map((key) => ({
        ...candidate(key, { connectMs: averages[key].valueAt(now) }),
        key,
      }))
      const [one, other] = seen
      if (one === undefined || other === undefined) throw new Error('there are two')
      const { key } = balancer.pick([one, other])
      averages[key].observe(takes[key], now)
      picks.push({ key, now })
    }

    const tries = picks.filter(({ key }) => key === 'slow').map(({ now }) => now)
    expect(tries.length).toBeGreaterThanOrEqual(4)
    expect(tries.length).toBeLessThanOrEqual(8)
  })
})
