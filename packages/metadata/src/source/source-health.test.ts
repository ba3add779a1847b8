import { describe, expect, it } from 'vitest'
import { SourceHealth } from './source-health.ts'

function healthAt(clock: { now: number }): SourceHealth {
  return new SourceHealth(() => clock.now)
}

describe('the health of a source', () => {
  it('is stale until it speaks for the cluster, and whenever it no longer does', () => {
    const health = healthAt({ now: 0 })
    const seen: boolean[] = []
    using _ = health.watch((isStale) => void seen.push(isStale))
    expect([health.state, health.isStale]).toEqual(['unknown', true])

    for (const state of [
      'authoritative',
      'authoritative',
      'local',
      'void',
      'unreachable',
      'authoritative',
    ] as const)
      health.report(state)
    expect(seen).toEqual([false, true, false])
  })

  it('tells of a source that is away from the beginning', () => {
    const health = healthAt({ now: 0 })
    const seen: boolean[] = []
    using _ = health.watch((isStale) => void seen.push(isStale))
    health.report('unreachable')
    expect(seen).toEqual([true])
  })

  it('knows how long ago the source last spoke for the cluster', () => {
    const clock = { now: 1_000 }
    const health = healthAt(clock)
    expect(health.secondsSinceAuthoritative).toBeUndefined()
    health.report('authoritative')
    clock.now = 31_000
    health.report('local')
    expect(health.secondsSinceAuthoritative).toBe(30)
  })

  it('signals each recovery once, to those who looked before it', () => {
    const health = healthAt({ now: 0 })
    const first = health.recovered
    health.report('authoritative')
    expect(first.aborted).toBe(false)

    health.report('local')
    health.report('authoritative')
    expect([first.aborted, health.recovered.aborted]).toEqual([true, false])
  })

  it('that began stale has recovered with the first answer that speaks for the cluster', () => {
    const health = healthAt({ now: 0 })
    const { recovered } = health
    health.report('unreachable')
    health.report('authoritative')
    expect(recovered.aborted).toBe(true)
  })

  it('is that of the latest question, whichever answer comes last', () => {
    const clock = { now: 0 }
    const health = healthAt(clock)
    const askedBefore = health.now()
    clock.now = 5
    health.report('authoritative', health.now())
    health.report('void', askedBefore)
    expect(health.state).toBe('authoritative')
  })
})
