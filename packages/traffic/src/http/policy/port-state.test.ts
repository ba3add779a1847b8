import { beforeEach, describe, expect, it } from 'vitest'
import { failAll, limited, RouteLab } from './test/route-lab.ts'

const REPLAYABLE = { isReplayable: true }
const RETRIES = { annotations: { 'edgeway.io/retries': '3' } }

describe('all requests of a ServicePort', () => {
  let lab: RouteLab
  beforeEach(() => {
    lab = new RouteLab(3)
    lab.set(RETRIES)
  })

  it('share a retry budget', () => {
    const attempts = Array.from({ length: 10 }, () => failAll(lab.begin(), 503))

    expect(attempts.reduce((sum, each) => sum + each)).toBe(10 + 10)
    lab.now += 10_000
    expect(failAll(lab.begin(), 503)).toBe(4)
  })

  it('have the larger budget the more they are', () => {
    for (let n = 0; n < 100; n++) lab.serve()
    let retries = 0
    for (let n = 0; n < 10; n++) retries += failAll(lab.begin(), 503) - 1

    expect(retries).toBe((100 + 10) / 5)
  })

  it('share a limit of retries under way', () => {
    lab.set({ ...RETRIES, ...limited({ maxRetries: 1 }) })
    const [one, other] = [lab.begin(), lab.begin()]
    for (const route of [one, other]) route.next()
    expect(one.failed(503, REPLAYABLE)).toBe(true)
    expect(other.failed(503, REPLAYABLE)).toBe(false)

    one.next()
    expect(one.failed(503, REPLAYABLE)).toBe(true)
    one.end()
    expect(other.failed(503, REPLAYABLE)).toBe(true)
  })
})
