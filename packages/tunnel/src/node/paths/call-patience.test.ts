import { describe, expect, it } from 'vitest'
import { type CallWays, callPatienceMs } from './call-patience.ts'

const NOTHING: CallWays = { openRttMs: [], relayRttMs: [], reachedMs: undefined }
const patience = (ways: Partial<CallWays>): number => callPatienceMs({ ...NOTHING, ...ways })

/** What traffic gives each endpoint by itself. */
const USUAL_MS = 5_000

describe('a call', () => {
  it('asks for no time while nothing is known of its way', () => {
    expect(patience({})).toBe(0)
    expect(patience({ relayRttMs: [Number.POSITIVE_INFINITY] })).toBe(0)
  })

  it('asks for no more than usual on usual ways, so that another endpoint is tried soon', () => {
    expect(patience({ relayRttMs: [100, 800], reachedMs: 120 })).toBeLessThan(USUAL_MS)
    expect(patience({ openRttMs: [1], relayRttMs: [500] })).toBeLessThan(USUAL_MS)
  })

  it('has time for a first connection where round trips are long', () => {
    expect(patience({ relayRttMs: [500] })).toBeGreaterThan(10_000)
  })

  it('has more time once a peer has answered that is on a slow link itself', () => {
    expect(patience({ relayRttMs: [20], reachedMs: 900 })).toBeGreaterThan(10_000)
  })

  it('is not hurried on a new connection that was not measured yet', () => {
    expect(patience({ openRttMs: [undefined] })).toBeGreaterThan(10_000)
  })
})
