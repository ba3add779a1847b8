import { describe, expect, it } from 'vitest'
import {
  afterAnswer,
  afterConnection,
  afterFailedTry,
  afterFailure,
  afterTry,
  type Condition,
  type HealthPolicy,
  whenDue,
} from './condition.ts'

const POLICY: HealthPolicy = {
  failuresToEject: 2,
  resetsToEject: 3,
  baseEjectionMs: 10,
  maxEjectionMs: 60,
  settleMs: 5,
}
const REFUSED = { failure: 'refused', now: 100 } as const
const RESET = { failure: 'reset', now: 100 } as const
const STATUS = { failure: 'status', now: 100 } as const

function after(...failures: readonly Parameters<typeof afterFailure>[1][]): Condition | undefined {
  let condition: Condition | undefined
  for (const failure of failures) condition = afterFailure(condition, failure, POLICY)
  return condition
}

/** Left out, and failing each further try. */
function ejectedTimes(times: number): Condition {
  let condition = after(REFUSED, REFUSED) ?? expect.fail()
  for (let i = 1; i < times; i++) condition = afterFailedTry(condition, REFUSED, POLICY)
  return condition
}

describe('the condition of an endpoint', () => {
  it('is unhealthy after so many failures in a row, not before', () => {
    expect(after(REFUSED)).toMatchObject({ state: 'healthy' })
    expect(after(REFUSED, REFUSED)).toMatchObject({ state: 'unhealthy', until: 110 })
  })

  it('counts resets by themselves', () => {
    expect(after(REFUSED, RESET, RESET)).toMatchObject({ state: 'healthy' })
    expect(after(RESET, RESET, RESET)).toMatchObject({ state: 'unhealthy' })
  })

  it('starts to count anew after a connection, and resets after an answer', () => {
    expect(afterConnection(after(REFUSED), 101, POLICY)).toBeUndefined()
    expect(afterConnection(after(RESET), 101, POLICY)).toMatchObject({ resets: 1 })
    expect(afterAnswer(after(RESET))).toBeUndefined()
  })

  it.each([
    [1, 10],
    [2, 20],
    [3, 40],
    [4, 60],
    [50, 60],
  ])('is left out for longer each time, up to a limit: %i times, %i ms', (times, periodMs) => {
    expect(ejectedTimes(times).until - REFUSED.now).toBe(periodMs)
  })

  it('does not wait longer when the way to it fails, which says nothing of the endpoint', () => {
    const failedTry = afterFailedTry(ejectedTimes(1), { failure: 'no-path', now: 100 }, POLICY)

    expect(failedTry.until).toBe(110)
  })

  it('recovers by a connection, settles, and is forgotten later', () => {
    const recovering = afterConnection(ejectedTimes(2), 200, POLICY) ?? expect.fail()
    expect(recovering).toMatchObject({ state: 'recovering', until: 205 })

    const settled = whenDue(recovering, 205, POLICY) ?? expect.fail()
    expect(settled).toMatchObject({ state: 'healthy', ejections: 2, until: 265 })
    expect(whenDue(settled, 265, POLICY)).toBeUndefined()
  })

  it('is left out again at the first failure while it recovers, for longer', () => {
    const recovering = afterConnection(ejectedTimes(1), 200, POLICY)

    const again = afterFailure(recovering, { failure: 'refused', now: 202 }, POLICY)

    expect(again).toMatchObject({ state: 'unhealthy', until: 222 })
  })

  it('is not moved by failures of flows that had no choice', () => {
    const ejected = ejectedTimes(1)

    expect(afterFailure(ejected, { failure: 'refused', now: 109 }, POLICY)).toBe(ejected)
  })

  it('is unhealthy at once for its statuses, however patient one is with its connections', () => {
    const condition = afterFailure(undefined, STATUS, { ...POLICY, failuresToEject: 0 })

    expect(condition).toMatchObject({ state: 'unhealthy', until: 110 })
  })

  it('stays out for its statuses though it can be connected to, until it is tried after its time', () => {
    const held = after(STATUS) ?? expect.fail()

    expect(afterConnection(held, 101, POLICY)).toBe(held)
    expect(afterTry(held, 110, POLICY)).toMatchObject({ state: 'recovering', until: 115 })
  })

  it('comes back by a connection once it was left out for that', () => {
    const refusing = afterFailedTry(after(STATUS) ?? expect.fail(), { failure: 'refused', now: 110 }, POLICY)

    expect(afterConnection(refusing, 120, POLICY)).toMatchObject({ state: 'recovering' })
  })

  it('is left out for longer when its statuses are bad again soon', () => {
    const recovering = afterTry(after(STATUS) ?? expect.fail(), 110, POLICY)
    const settled = whenDue(recovering, 115, POLICY) ?? expect.fail()

    for (const condition of [recovering, settled])
      expect(afterFailure(condition, { failure: 'status', now: 200 }, POLICY)).toMatchObject({ until: 220 })
  })

  it('is never left out where no number of failures is too many', () => {
    const patient = { ...POLICY, failuresToEject: 0 }
    let condition: Condition | undefined
    for (let i = 0; i < 100; i++) condition = afterFailure(condition, REFUSED, patient)

    expect(condition?.state).toBe('healthy')
  })
})
