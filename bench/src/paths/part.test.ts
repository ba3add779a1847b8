import { describe, expect, it } from 'vitest'
import { absolute, judged } from '../result.ts'
import { measurePart, type PathsPart } from './part.ts'
import { type PathsPlan, pathsPlanOf } from './plan.ts'

const CASE = 'lan path cut silently, 0 ms'
const FIGURE = absolute({ bench: 'paths', case: CASE, metric: 'noticed after s', unit: 's' }, [1])

async function measured(measure: PathsPart['measure'], plan: PathsPlan) {
  const part = { name: 'broken-paths', cases: [CASE], measure }
  return (await measurePart(part, plan, () => {})).map(judged)
}

describe('a part of the bench paths', () => {
  it('gives what it has measured', async () => {
    const plan = pathsPlanOf({}, ['broken-paths'])
    expect(await measured(async () => [FIGURE], plan)).toMatchObject([{ ours: 1, met: true }])
  })

  it('that fails meets none of its targets, and says why', async () => {
    const plan = pathsPlanOf({}, ['broken-paths'])
    const results = await measured(() => Promise.reject(new Error('no path')), plan)
    expect(results.map(({ metric }) => metric)).toContain('longest time without an answer s')
    for (const result of results) expect(result).toMatchObject({ met: false, ours: null, reason: 'no path' })
  })

  it('that is left out is not measured, and its targets are told as missing', async () => {
    const plan = pathsPlanOf({ PARTS: 'idle' }, ['broken-paths', 'idle'])
    const results = await measured(() => Promise.reject(new Error('not to be measured')), plan)
    expect(results).not.toHaveLength(0)
    for (const result of results)
      expect(result).toMatchObject({ met: false, reason: 'PARTS leaves broken-paths out' })
  })
})

describe('the plan of the bench paths', () => {
  it('takes numbers from the environment', () => {
    const environment = { PAIRS: '2', RUNS: '3', PUNCHES: '20', IDLE_SECONDS: '5' }
    expect(pathsPlanOf(environment, ['idle'])).toEqual({
      ...{ parts: ['idle'], pairs: 2, runs: 3, punches: 20, idleSeconds: 5 },
    })
  })

  it('is refused with a part that there is not, or a number that is none', () => {
    expect(() => pathsPlanOf({ PARTS: 'idle,wan' }, ['idle'])).toThrow(/no part wan/)
    expect(() => pathsPlanOf({ PUNCHES: 'many' }, ['idle'])).toThrow(/PUNCHES/)
  })
})
