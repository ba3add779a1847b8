import { describe, expect, it } from 'vitest'
import { readSyncs } from './agent-syncs.ts'
import { jsonLinesIn } from './json-lines.ts'
import { RULE_METRICS, resultsOf, worstOf } from './measured.ts'
import { setupsOf } from './rule-setup.ts'
import { msPerUpdate } from './single-changes.ts'

const METRICS = `# TYPE edgeway_proxier_rules gauge
edgeway_proxier_rules{mode="KERNEL"} 990
edgeway_proxier_rules{mode="AGENT"} 6
edgeway_proxier_syncs_total{outcome="loaded"} 1
edgeway_proxier_syncs_total{outcome="updated"} 4
edgeway_proxier_sync_duration_seconds_bucket{le="1"} 7
edgeway_proxier_sync_duration_seconds_sum 0.25
edgeway_proxier_sync_duration_seconds_count 7
`

describe('what an agent tells of its syncs', () => {
  it('is read from its metrics, with 0 for what is not there', () => {
    expect(readSyncs(METRICS)).toEqual({
      seconds: 0.25,
      count: 7,
      loaded: 1,
      updated: 4,
      failed: 0,
      rules: { KERNEL: 990, AGENT: 6 },
    })
  })

  it('is nothing while the agent does not answer', () => {
    expect(readSyncs('')).toMatchObject({ count: 0, rules: { KERNEL: 0, AGENT: 0 } })
  })

  it('gives the time of one update: all syncs meanwhile, shared by those that updated something', () => {
    expect(msPerUpdate({ seconds: 1, updated: 3 }, { seconds: 1.03, updated: 5 })).toBeCloseTo(15)
  })
})

describe('the setups', () => {
  const told = (size: number) => setupsOf(size).map(({ backend, mode }) => `${backend} ${mode}`)

  it('are both backends and modes, but iptables has KERNEL rules for 1,000 ServicePorts at most', () => {
    const always = ['iptables AGENT', 'nftables AGENT', 'nftables KERNEL']
    expect(told(1_000)).toEqual(['iptables KERNEL', ...always])
    expect(told(1_001)).toEqual(always)
  })
})

describe('the output of a child', () => {
  it('is read line by line, without one that is not complete and without other words', () => {
    expect(jsonLinesIn('{"at":1}\nwarning: x\n{"at":2}\n{"at":')).toEqual([{ at: 1 }, { at: 2 }])
  })
})

describe('figures of rules', () => {
  it('are the worst of the modes, metric by metric', () => {
    const worst = worstOf([
      { figures: { 'full load ms': [10, 400, 20], 'one change ms': [9] } },
      { figures: { 'full load ms': [30, 30, 30], 'one change ms': [5] } },
    ])
    expect(worst).toEqual({ figures: { 'full load ms': [30, 30, 30], 'one change ms': [9] } })
  })

  it('are missing where one of the modes has none', () => {
    expect(worstOf([{ figures: {} }, { reason: 'too late' }])).toEqual({ reason: 'too late' })
  })

  it('are told for every metric, or why there is none', () => {
    const figures = { 'full load ms': [1, 2, 3] }
    expect(resultsOf('nftables', ['full load ms', 'one change ms'], { figures })).toMatchObject([
      { bench: 'proxier', case: 'nftables', ours: 2, spread: [1, 3] },
      { ours: null, reason: 'no such figure' },
    ])
    const failed = resultsOf('nftables', RULE_METRICS, { reason: 'too late' })
    expect(failed.map(({ reason }) => reason)).toEqual(RULE_METRICS.map(() => 'too late'))
  })
})
