import { describe, expect, it } from 'vitest'
import { trafficPlanOf } from './plan.ts'

const KNOWN = ['bulk', 'udp', 'idle']

describe('the plan of the bench traffic', () => {
  it('is everything, five times, with 10,000 idle connections', () => {
    expect(trafficPlanOf({}, KNOWN)).toEqual({ parts: KNOWN, pairs: 5, idleConnections: 10_000 })
  })

  it('is what the environment asks for', () => {
    const plan = trafficPlanOf({ PARTS: 'udp,idle', PAIRS: '1', IDLE: '200' }, KNOWN)
    expect(plan).toEqual({ parts: ['udp', 'idle'], pairs: 1, idleConnections: 200 })
  })

  it('names what there is when it is asked for what there is not', () => {
    expect(() => trafficPlanOf({ PARTS: 'udp,dns' }, KNOWN)).toThrow('no part dns in PARTS; there are bulk')
  })

  it.each(['0', '-1', '1.5', 'many', ''])('takes no "%s" for a number', (PAIRS) => {
    expect(() => trafficPlanOf({ PAIRS }, KNOWN)).toThrow('PAIRS is no number')
  })
})
