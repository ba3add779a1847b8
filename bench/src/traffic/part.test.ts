import { describe, expect, it } from 'vitest'
import { absolute, judged } from '../result.ts'
import type { Scene } from '../scene.ts'
import { leftOut, measurePart, type TrafficPart } from './part.ts'

const NAME = { bench: 'traffic', case: 'agent', metric: 'bulk 1 flow', unit: 'Mbit/s' }
// The parts here measure nothing.
const CONTEXT = {
  scene: {} as Scene,
  plan: { parts: ['bulk'], pairs: 1, idleConnections: 1 },
  onStep: () => {},
}

function partBy(measure: TrafficPart['measure']): TrafficPart {
  const figures = () => [
    { ...NAME, referenceName: 'haproxy' },
    { ...NAME, metric: 'UDP packets' },
  ]
  return { name: 'bulk', figures, measure }
}

describe('a part of the bench traffic', () => {
  it('gives what it has measured', async () => {
    const result = absolute(NAME, [1])
    expect(
      await measurePart(
        partBy(async () => [result]),
        CONTEXT,
      ),
    ).toEqual([result])
  })

  it('that fails meets nothing, with the reason for each of its figures', async () => {
    const failing = partBy(() => Promise.reject(new Error('no flow went through the agent')))
    const results = (await measurePart(failing, CONTEXT)).map(judged)
    expect(results).toMatchObject([
      { metric: 'bulk 1 flow', referenceName: 'haproxy', target: 'P2 >= 1', met: false },
      { metric: 'UDP packets', referenceName: 'absolute', target: null, met: false },
    ])
    for (const { reason } of results) expect(reason).toBe('no flow went through the agent')
  })

  it('that is left out says so of its targets, and of nothing else', () => {
    const part = partBy(() => Promise.reject(new Error('not to be measured')))
    expect(leftOut(part, CONTEXT.plan)).toMatchObject([
      { metric: 'bulk 1 flow', ours: null, reason: 'PARTS leaves bulk out' },
    ])
  })
})
