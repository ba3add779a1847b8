import type { TryOutcome } from '../../protocol/punch.ts'

/**
 * When what happens in a try. Round-trip times are of the signalling path, in ms: the one that is to be opened is hardly
 * longer. Chance is 0 to 1.
 */

/** The kernel sends a SYN again after 1 s: one that was dropped as the other side was late gets its second chance. */
const SYN_RETRANSMISSION_MS = 1_000
const MARGIN_MS = 200
const PAUSE_GROWTH_MS = 0.8
const MOST_SHIFT_MS = 25
/** Attempts without a pause, and then with growing ones: on a short way SYNs are under way for a tenth of a millisecond only. */
const DENSE_ATTEMPTS = 64
const SPARSE_ATTEMPTS = 32
const SHORT_ROUND_TRIP_MS = 10
/** Of a SYN to an address where the other side is about to listen: it had better come a bit later than too early. */
const DIAL_DELAY_MS = 20
const UPGRADE_ROUND_TRIPS = 8
const UPGRADE_MARGIN_MS = 3_000
const MAX_ROUND_TRIP_MS = 5_000

/** How long both sides try to get a connection. */
export function tryMs(rttMs: number): number {
  return 3 * bounded(rttMs) + SYN_RETRANSMISSION_MS + MARGIN_MS
}

/** Noise and yamux take four round trips; a segment or two may be lost. */
export function upgradeMs(rttMs: number): number {
  return UPGRADE_ROUND_TRIPS * bounded(rttMs) + UPGRADE_MARGIN_MS
}

/**
 * How long to wait after a refused attempt. Where a router refuses what it does not expect, the SYNs of both sides have to be
 * under way at the same time: equal pauses would miss each other again and again.
 *
 * @param attempts - that were refused so far, at least 1
 */
export function retryPauseMs(attempts: number, rttMs: number, chance: number): number {
  const sparse = Math.max((attempts % (DENSE_ATTEMPTS + SPARSE_ATTEMPTS)) - DENSE_ATTEMPTS, 0)
  const growing = sparse * PAUSE_GROWTH_MS
  return chance * (growing + Math.max(bounded(rttMs) - SHORT_ROUND_TRIP_MS, 0) / 2)
}

/** How a try ended that failed here. */
export interface LastTry {
  readonly own: Exclude<TryOutcome, 'connected'>
  readonly peer: TryOutcome
}

/**
 * How long the initiator waits after it said `go`: as long as that is under way. Who was refused in the last try was too early,
 * if the other one wasn't; if both were, the way there and the way back may differ, and chance decides.
 */
export function goDelayMs(rttMs: number, last: LastTry | undefined, chance: number): number {
  const half = bounded(rttMs) / 2
  const wasOwnReset = last?.own === 'reset'
  const wasPeerReset = last?.peer === 'reset'
  if (wasOwnReset && wasPeerReset) return half * (0.5 + chance)
  if (wasOwnReset) return half * (1 + chance / 2) + MOST_SHIFT_MS * chance
  if (wasPeerReset) return half * (1 - chance / 2)
  return half
}

/** How long the role `dial` waits for the other side to listen. */
export function dialDelayMs(rttMs: number): number {
  return DIAL_DELAY_MS + bounded(rttMs) / 4
}

/** How long a side waits for the other one's result after its own: they started half a round trip apart at most. */
export function resultMs(rttMs: number): number {
  return tryMs(rttMs) + upgradeMs(rttMs) + 2 * bounded(rttMs)
}

/** Whole ms, as timers want them. A message that is overdue by minutes says nothing about the path. */
function bounded(rttMs: number): number {
  return Math.min(Math.max(Math.ceil(rttMs), 0), MAX_ROUND_TRIP_MS)
}
