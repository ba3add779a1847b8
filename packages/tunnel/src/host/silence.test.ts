import { describe, expect, it } from 'vitest'
import { AGENT_LIVENESS } from './limits.ts'
import { judgeSilence, type Silence, smoothedRtt } from './silence.ts'

const QUIET: Silence = {
  aliveAt: 0,
  waitingSince: undefined,
  askedAt: undefined,
  rttMs: 20,
  isRelay: false,
  isCircuit: false,
}

function judge(silence: Partial<Silence>, now: number) {
  return judgeSilence({ ...QUIET, ...silence }, now, AGENT_LIVENESS)
}

/** When the verdict first comes, if it is looked at each 10 ms and asked when it is due. */
function timeOf(verdict: string, silence: Partial<Silence>, start: number): number {
  let askedAt: number | undefined
  for (let now = start; now < start + 100_000; now += 10) {
    const current = judge({ ...silence, askedAt }, now)
    if (current === verdict) return now - start
    if (current === 'ask') askedAt = now
  }
  return Number.POSITIVE_INFINITY
}

describe('while something is waited for', () => {
  it.each([0, 100, 5_000])('a connection that was alive %i ms before is suspect within 2 s', (quietMs) => {
    const waiting = { waitingSince: quietMs }
    expect(timeOf('suspect', waiting, quietMs)).toBeLessThanOrEqual(1_600)
    const suspectAt = timeOf('suspect', waiting, quietMs)
    expect(timeOf('dead', waiting, quietMs) - suspectAt).toBeLessThanOrEqual(2_000)
  })

  it('a circuit is as soon suspect, and gets more time: bulk on a slow link comes in large frames', () => {
    const circuit = { waitingSince: 0, isCircuit: true }
    expect(timeOf('suspect', circuit, 0)).toBeLessThanOrEqual(1_600)
    expect(timeOf('dead', circuit, 0)).toBeGreaterThan(10_000)
  })

  it('a long round trip gets more time', () => {
    const slow = { waitingSince: 0, rttMs: 500 }
    expect(timeOf('suspect', slow, 0)).toBeGreaterThan(2_000)
    expect(judge({ ...slow, askedAt: 900 }, 900 + 1_700)).toBe('fine')
  })

  it('any byte ends the doubt, and the next question is due after a while only', () => {
    expect(judge({ waitingSince: 0, askedAt: 900 }, 2_000)).toBe('suspect')
    expect(judge({ waitingSince: 0, askedAt: 900, aliveAt: 1_990 }, 2_000)).toBe('fine')
    expect(judge({ waitingSince: 0, aliveAt: 1_990 }, 2_000)).toBe('fine')
  })

  it('a question that bytes overtook counts from when the next would be due', () => {
    const overtaken = { waitingSince: 0, askedAt: 900, aliveAt: 5_000 }
    expect(judge(overtaken, 5_000 + 600 + 700)).toBe('fine')
    expect(judge(overtaken, 5_000 + 600 + 900)).toBe('suspect')
  })
})

describe('while nothing is waited for', () => {
  it('a peer is asked every 30 s, a relay every 15 s', () => {
    expect(timeOf('ask', {}, 0)).toBe(30_000)
    expect(timeOf('ask', { isRelay: true }, 0)).toBe(15_000)
  })

  it('TCP has time for several attempts before the connection is dead', () => {
    const asked = timeOf('ask', {}, 0)
    expect(timeOf('dead', {}, 0) - asked).toBeGreaterThan(6_000)
  })
})

it('smooths round-trip times by an eighth', () => {
  expect(smoothedRtt(undefined, 80)).toBe(80)
  expect(smoothedRtt(80, 160)).toBe(90)
})
