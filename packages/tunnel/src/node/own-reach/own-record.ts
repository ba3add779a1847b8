import { formatNatType } from '../../nat-type.ts'
import {
  isNewer,
  type PeerRecord,
  type PeerRecordFields,
  type RelayOfPeer,
  signPeerRecord,
} from '../../records/peer-record.ts'
import type { NodeIdentity } from '../membership/node-identity.ts'

/** How this node is reached at this moment. */
export type OwnReach = Pick<PeerRecordFields, 'lan' | 'direct' | 'egress' | 'relays' | 'nat'>

/** Round-trip times go up and down; others are told when they have changed by both. */
const RTT_CHANGE_SHARE = 0.3
const RTT_CHANGE_MS = 20

/** The peer record of this node: signed anew only when something real has changed. */
export class OwnRecord {
  readonly #identity: NodeIdentity
  #record: PeerRecord | undefined
  #seq = 0

  constructor(identity: NodeIdentity) {
    this.#identity = identity
  }

  /** `undefined` before the first enrolment. */
  get current(): PeerRecord | undefined {
    return this.#record
  }

  /** @returns true when there is another record now, for others to get */
  update(reach: OwnReach): boolean {
    const { certificate, signer, epoch, instance } = this.#identity
    if (certificate === undefined) return false
    const isSame =
      this.#record !== undefined &&
      this.#record.wire.certificate === certificate &&
      !hasReachChanged(reach, this.#record)
    if (isSame) return false
    this.#seq++
    this.#record = signPeerRecord({ ...reach, epoch, instance, seq: this.#seq }, { certificate, signer })
    return true
  }

  /** Whether that record of this node's own key was made by another process: a copy of the key, or this node before. */
  isForeign(record: PeerRecord): 'own' | 'former' | 'clone' {
    const { instance, epoch } = this.#identity
    if (record.instance === instance) return 'own'
    return isNewer(record, { epoch, seq: 0 }) ? 'clone' : 'former'
  }
}

export function hasReachChanged(now: OwnReach, before: OwnReach): boolean {
  return (
    !hasSame(now.lan, before.lan) ||
    !hasSame(now.direct, before.direct) ||
    !hasSame(now.egress, before.egress) ||
    haveRelaysChanged(now.relays, before.relays) ||
    formatNatType(now.nat) !== formatNatType(before.nat)
  )
}

function haveRelaysChanged(now: readonly RelayOfPeer[], before: readonly RelayOfPeer[]): boolean {
  if (now.length !== before.length) return true
  const former = new Map(before.map((relay) => [relay.peerId, relay]))
  return now.some((relay) => {
    const known = former.get(relay.peerId)
    if (known === undefined || !hasSame(relay.addresses, known.addresses)) return true
    const changeMs = Math.abs(relay.rttMs - known.rttMs)
    return changeMs > RTT_CHANGE_MS && changeMs > known.rttMs * RTT_CHANGE_SHARE
  })
}

function hasSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && new Set([...a, ...b]).size === new Set(a).size
}
