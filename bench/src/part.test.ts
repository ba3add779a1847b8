import { describe, expect, it } from 'vitest'
import { type BenchPart, leftOut, measurePart, measureParts } from './part.ts'
import { absolute, judged } from './result.ts'

const NAME = { bench: 'traffic', case: 'agent', metric: 'bulk 1 flow', unit: 'Mbit/s' }
type Plan = { readonly parts: readonly string[] }
type Part = BenchPart<undefined, Plan>

// The parts here measure nothing.
const CONTEXT = { scene: undefined, plan: { parts: ['bulk'] }, onStep: () => {} }

function partBy(measure: Part['measure']): Part {
  const figures = () => [
    { ...NAME, referenceName: 'haproxy' },
    { ...NAME, metric: 'UDP packets' },
  ]
  return { name: 'bulk', figures, measure }
}

describe('a part of a bench', () => {
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

  it('is measured where the plan names it', async () => {
    const bulk = partBy(async () => [absolute(NAME, [1])])
    const other = { ...partBy(() => Promise.reject(new Error('not to be measured'))), name: 'idle' }
    expect(await measureParts([bulk, other], CONTEXT)).toMatchObject([
      { metric: 'bulk 1 flow', ours: 1 },
      { metric: 'bulk 1 flow', reason: 'PARTS leaves idle out' },
    ])
  })
})
