import type { Multiaddr } from '@multiformats/multiaddr'

/** A relay that this node has a session with. */
export interface OwnRelay {
  readonly peerId: string
  /** From here to the relay; not finite before it was measured. */
  readonly rttMs: number
}

/** A relay that this node holds a reservation at now. */
export interface JoinedRelay extends OwnRelay {
  /** With its PeerId. */
  readonly address: Multiaddr
  /** It owes an answer: what is new goes another way, where there is one. */
  readonly isSuspect: boolean
}

/** Another relay must be better by both: that share, and that many ms. */
const BETTER_BY = 0.2
const BETTER_BY_MS = 10
/** In place of a time that was not measured yet. */
const UNKNOWN_RTT_MS = 500

/**
 * The relays to reach a peer by, best first: those that both sides have, the shortest sum of round-trip times first, then
 * the others, for what is known of the peer may be old; then, in the same order, those that are suspect. The one in use stays
 * before its like unless another is clearly better: paths must not flap with the noise of measurements.
 *
 * @param peer - the relays that the peer holds reservations at, with its own round-trip times
 * @param inUse - PeerId of the relay that carries this peer's calls now
 */
export function rankRelays<Relay extends Omit<JoinedRelay, 'address'>>(
  own: readonly Relay[],
  peer: readonly OwnRelay[],
  inUse: string | undefined,
): Relay[] {
  const theirs = new Map(peer.map(({ peerId, rttMs }) => [peerId, rttMs]))
  const costOf = ({ peerId, rttMs }: OwnRelay): number => msOf(rttMs) + msOf(theirs.get(peerId) ?? 0)
  const rank = (relays: readonly Relay[]): Relay[] =>
    keepFirst(
      relays.toSorted((a, b) => costOf(a) - costOf(b)),
      { inUse, costOf },
    )
  const rankAll = (relays: readonly Relay[]): Relay[] => [
    ...rank(relays.filter(({ peerId }) => theirs.has(peerId))),
    ...rank(relays.filter(({ peerId }) => !theirs.has(peerId))),
  ]
  return [
    ...rankAll(own.filter(({ isSuspect }) => !isSuspect)),
    ...rankAll(own.filter(({ isSuspect }) => isSuspect)),
  ]
}

interface Use {
  readonly inUse: string | undefined
  readonly costOf: (relay: OwnRelay) => number
}

function keepFirst<Relay extends OwnRelay>(ranked: Relay[], { inUse, costOf }: Use): Relay[] {
  const [best] = ranked
  const current = ranked.find(({ peerId }) => peerId === inUse)
  if (best === undefined || current === undefined) return ranked
  const gainMs = costOf(current) - costOf(best)
  const isClear = gainMs > BETTER_BY_MS && gainMs > BETTER_BY * costOf(current)
  return isClear ? ranked : [current, ...ranked.filter((relay) => relay !== current)]
}

function msOf(rttMs: number): number {
  return Number.isFinite(rttMs) && rttMs >= 0 ? rttMs : UNKNOWN_RTT_MS
}
