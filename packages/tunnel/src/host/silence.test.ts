import { describe, expect, it } from 'vitest'
import { AGENT_LIVENESS } from './limits.ts'
import { judgeSilence, type Silence, smoothedRtt } from './silence.ts'

const QUIET: Silence = {
  aliveAt: 0,
  waitingSince: undefined,
  askedAt: undefined,
  rttMs: 20,
  acknowledgedAt: undefined,
  isRelay: false,
  circuit: undefined,
}

const FREE = { backlogBytes: 0, carrierRttMs: 20, isFrameComing: false, carrierSuspectAt: undefined }

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

  it('a circuit is as soon suspect, and gets somewhat more time', () => {
    const circuit = { waitingSince: 0, circuit: FREE }
    expect(timeOf('suspect', circuit, 0)).toBeLessThanOrEqual(1_600)
    expect(timeOf('dead', circuit, 0)).toBeGreaterThan(10_000)
    expect(timeOf('dead', circuit, 0)).toBeLessThan(14_000)
  })

  it.each<[string, Partial<Silence>]>([
    ['frames come slowly', { circuit: { ...FREE, isFrameComing: true } }],
    ['the round trip is long', { circuit: FREE, rttMs: 700 }],
    ['its round trip was not measured', { circuit: FREE, rttMs: undefined }],
    ['the relay answers late', { circuit: { ...FREE, carrierRttMs: 700 } }],
    ['the relay was silent itself', { circuit: { ...FREE, carrierSuspectAt: 30_000 } }],
    [
      'a slow link has what was sent ahead still before it',
      { circuit: { ...FREE, backlogBytes: 256 * 1024 } },
    ],
  ])('a circuit has all the time that bulk takes on a slow link where %s', (_where, silence) => {
    expect(timeOf('dead', { waitingSince: 0, ...silence }, 0)).toBeGreaterThan(40_000)
  })

  it('a circuit has as much more time as what was sent on it may take', () => {
    const some = { waitingSince: 0, circuit: { ...FREE, backlogBytes: 64_000 } }
    const more = timeOf('dead', some, 0) - timeOf('dead', { waitingSince: 0, circuit: FREE }, 0)
    expect(more).toBe(8_000)
  })

  it('a long round trip gets more time', () => {
    const slow = { waitingSince: 0, rttMs: 500 }
    expect(timeOf('suspect', slow, 0)).toBeGreaterThan(2_000)
    expect(judge({ ...slow, askedAt: 900 }, 900 + 1_700)).toBe('fine')
  })

  it('a connection whose other end acknowledges what is sent has 20 s more, but for nothing new', () => {
    const heldUp = { waitingSince: 0, askedAt: 900 }
    for (let now = 2_000; now < 21_000; now += 500)
      expect(judge({ ...heldUp, acknowledgedAt: now - 1_500 }, now)).toBe('suspect')
    expect(judge({ ...heldUp, acknowledgedAt: 22_000 }, 22_100)).toBe('dead')
  })

  it('a connection whose other end acknowledges nothing any more is dead soon', () => {
    const heldUp = { waitingSince: 0, askedAt: 900, acknowledgedAt: 6_000 }
    expect(judge(heldUp, 7_700)).toBe('suspect')
    expect(judge(heldUp, 7_900)).toBe('dead')
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
