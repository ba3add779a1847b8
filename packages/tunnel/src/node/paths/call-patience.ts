import { patienceMs, UNKNOWN_RTT_MS } from '../../host/patience.ts'

/** What is known of the ways to a peer that is being called. Times in ms. */
export interface CallWays {
  /** The round-trip time of each open path that could take the call; `undefined` where it was not measured yet. */
  readonly openRttMs: readonly (number | undefined)[]
  /** Of each own relay; not finite before it was measured. */
  readonly relayRttMs: readonly number[]
  /** What it took until the peer has answered a dial that goes on. */
  readonly reachedMs: number | undefined
}

/** A first call makes a relayed connection, opens a stream, and waits for the answer of the peer. */
const ROUND_TRIPS = 14

/**
 * How long a call may take in all, by what is known. Nothing is known of the peer's own way to the relay before the peer has
 * answered; then that counts, if it took longer.
 *
 * @returns 0 when nothing is known
 */
export function callPatienceMs({ openRttMs, relayRttMs, reachedMs = 0 }: CallWays): number {
  const relayed = Math.min(...relayRttMs)
  const making = Math.max(reachedMs, Number.isFinite(relayed) ? relayed : 0)
  const rttMs = openRttMs.length === 0 ? making : Math.min(...openRttMs.map((rtt) => rtt ?? UNKNOWN_RTT_MS))
  return rttMs === 0 ? 0 : patienceMs({ roundTrips: ROUND_TRIPS, rttMs, floorMs: 0 })
}
