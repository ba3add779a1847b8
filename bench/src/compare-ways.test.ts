import type { LabHost } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { type Comparison, compareWays } from './compare-ways.ts'
import type { Probe } from './probe.ts'
import type { Contender } from './scene.ts'

const OURS: Contender = { name: 'edgeway', ip: '10.0.0.1', pids: [] }
const DIRECT: Contender = { name: 'direct', ip: '10.0.0.2', pids: [] }
const HAPROXY: Contender = { name: 'haproxy', ip: '10.0.0.3', pids: [] }

function comparisonBy(run: Probe['run']): Comparison {
  const probe = { name: 'bulk', units: { 'bulk 1 flow': 'Mbit/s' }, run }
  return {
    bench: 'relayed',
    case: 'two sites',
    edgeMesh: 'relayed',
    // The probes here ask nobody.
    client: {} as LabHost,
    ours: OURS,
    references: [DIRECT, HAPROXY],
    probes: [probe],
  }
}

describe('a comparison of ways', () => {
  it('asks them five times in turn, there and back', async () => {
    const asked: string[] = []
    const comparison = comparisonBy(async (_, { name }) => {
      asked.push(name)
      return { 'bulk 1 flow': 1 }
    })
    await compareWays(comparison, () => {})
    const there = ['edgeway', 'direct', 'haproxy']
    const back = there.toReversed()
    expect(asked).toEqual([...there, ...back, ...there, ...back, ...there])
  })

  it('asks them as often as told, after what is to be done before each', async () => {
    const done: string[] = []
    const comparison = comparisonBy(async (_, { name }) => {
      done.push(name)
      return { 'bulk 1 flow': 1 }
    })
    const beforeEach = async () => void done.push('before')
    await compareWays({ ...comparison, references: [DIRECT], pairs: 2, beforeEach }, () => {})
    expect(done.filter((_, index) => index % 2 === 0)).toEqual(Array.from({ length: 4 }, () => 'before'))
    expect(done.filter((_, index) => index % 2 === 1)).toEqual(['edgeway', 'direct', 'direct', 'edgeway'])
  })

  it('tells figures of ours by themselves beside the ratios where it is told to', async () => {
    const comparison = comparisonBy(async () => ({ 'bulk 1 flow': 7 }))
    const results = await compareWays(
      { ...comparison, references: [DIRECT], alsoAlone: ['bulk 1 flow'] },
      () => {},
    )
    expect(results.map(({ referenceName, ours, ratio }) => [referenceName, ours, ratio])).toEqual([
      ['absolute', 7, null],
      ['direct', 7, 1],
    ])
  })

  it('compares ours with each reference, and with EdgeMesh by way of haproxy', async () => {
    const figures: Readonly<Record<string, number>> = { edgeway: 1_000, direct: 10_000, haproxy: 5_010 }
    const comparison = comparisonBy(async (_, { name }) => ({ 'bulk 1 flow': figures[name] ?? 0 }))
    const results = await compareWays(comparison, () => {})
    expect(results.map(({ referenceName, ratio }) => [referenceName, ratio])).toEqual([
      ['direct', 0.1],
      ['haproxy', 1_000 / 5_010],
      ['EdgeMesh', expect.closeTo(1_000 / 416)],
    ])
  })

  it('says that a reference is missing, and goes on with the others', async () => {
    let haproxyRuns = 0
    const comparison = comparisonBy(async (_, { name }) => {
      if (name === 'haproxy' && ++haproxyRuns === 2) throw new Error('refused')
      return { 'bulk 1 flow': 1 }
    })
    const results = await compareWays(comparison, () => {})
    expect(results).toMatchObject([
      { referenceName: 'direct', ratio: 1 },
      { referenceName: 'haproxy', ours: null, reason: 'haproxy: refused' },
      { referenceName: 'EdgeMesh', ours: null, reason: 'haproxy: refused' },
    ])
    expect(haproxyRuns).toBe(2)
  })

  it('says that ours is missing, against each reference', async () => {
    const comparison = comparisonBy(async (_, { name }) => {
      if (name === 'edgeway') throw new Error('reset')
      return { 'bulk 1 flow': 1 }
    })
    const results = await compareWays(comparison, () => {})
    expect(results.map(({ reason }) => reason)).toEqual([
      'edgeway: reset',
      'edgeway: reset',
      'edgeway: reset',
    ])
  })

  it('tells ours by itself where it is asked to, whatever the references have', async () => {
    const comparison = comparisonBy(async (_, { name }) => ({ 'bulk 1 flow': name === 'edgeway' ? 3 : 1 }))
    const results = await compareWays({ ...comparison, alone: ['bulk 1 flow'] }, () => {})
    expect(results).toMatchObject([{ ours: 3, referenceName: 'absolute', ratio: null }])
  })

  it('says why ours is missing by itself', async () => {
    const comparison = comparisonBy(() => Promise.reject(new Error('reset')))
    const results = await compareWays({ ...comparison, alone: ['bulk 1 flow'] }, () => {})
    expect(results).toMatchObject([{ ours: null, referenceName: 'absolute', reason: 'edgeway: reset' }])
  })
})
