import type { RelayOfPeer } from '../../records/peer-record.ts'

/** A tunnel server that was lost stays announced that long: mostly it comes back, and others see for themselves. */
export const KEEP_LOST_MS = 60_000
/** A round-trip time counts as another one when it has been that for so long. */
export const KEEP_RTT_MS = 30_000
/** What differs less from what was announced, by both, is the same. */
const RTT_CHANGE_SHARE = 0.3
const RTT_CHANGE_MS = 20

interface Announced {
  readonly relay: RelayOfPeer
  readonly lostAt: number | undefined
  /** Since when another round-trip time is measured. */
  readonly deviatesSince: number | undefined
}

/**
 * What a node tells others of the tunnel servers that it has reservations at. Each change of it goes to every member of the
 * cluster, and a restart of one server concerns all nodes at the same moment: what passes by itself is not told.
 */
export class AnnouncedRelays {
  #announced: readonly Announced[] = []

  /**
   * @param joined - those with a reservation at this moment, with the round-trip times measured last
   * @param now - in milliseconds
   */
  update(joined: readonly RelayOfPeer[], now: number): readonly RelayOfPeer[] {
    const present = new Map(joined.map((relay) => [relay.peerId, relay]))
    const known = new Set(this.#announced.map(({ relay }) => relay.peerId))
    const kept = this.#announced
      .map((former) => follow(former, present.get(former.relay.peerId), now))
      .filter(({ lostAt }) => lostAt === undefined || now - lostAt < KEEP_LOST_MS)
    const added = joined
      .filter(({ peerId }) => !known.has(peerId))
      .map((relay) => ({ relay, lostAt: undefined, deviatesSince: undefined }))
    this.#announced = [...kept, ...added]
    return this.#announced.map(({ relay }) => relay)
  }
}

function follow(former: Announced, current: RelayOfPeer | undefined, now: number): Announced {
  if (current === undefined) return { ...former, lostAt: former.lostAt ?? now, deviatesSince: undefined }
  const { rttMs } = former.relay
  if (!hasRttChanged(current.rttMs, rttMs))
    return { relay: { ...current, rttMs }, lostAt: undefined, deviatesSince: undefined }
  const deviatesSince = former.deviatesSince ?? now
  if (now - deviatesSince >= KEEP_RTT_MS)
    return { relay: current, lostAt: undefined, deviatesSince: undefined }
  return { relay: { ...current, rttMs }, lostAt: undefined, deviatesSince }
}

function hasRttChanged(nowMs: number, beforeMs: number): boolean {
  const changeMs = Math.abs(nowMs - beforeMs)
  return changeMs > RTT_CHANGE_MS && changeMs > beforeMs * RTT_CHANGE_SHARE
}
