import type { NodeName } from '@edgeway/core'
import type { MembershipRefusal, MembershipVerdict } from '../identity/membership.ts'
import { isNewer, type PeerRecord } from './peer-record.ts'

/** More are not taken in: each costs memory on every node. */
export const MAX_RECORDS = 20_000

/** Why a record left the book. `superseded`: the node has another key, by a certificate that was issued later. */
export type PeerRemovalReason = MembershipRefusal | 'superseded'

export type PeerChange =
  | { readonly kind: 'set'; readonly record: PeerRecord; readonly former: PeerRecord | undefined }
  /** `message` is for people. */
  | {
      readonly kind: 'removed'
      readonly record: PeerRecord
      readonly reason: PeerRemovalReason
      readonly message: string
    }

/**
 * What became of a record that was offered. `known`: it was there already. `older`: a newer one of the peer is there.
 * `superseded`: its node has another key by now. `full`: the book takes no more peers.
 */
export type ApplyOutcome = 'set' | 'known' | 'older' | 'superseded' | 'full'

/** Whether the certificate of a record is still good, as `Trust.judge` says. */
export type PeerJudge = (record: PeerRecord) => MembershipVerdict

/**
 * Which peer speaks for which node, and where it is: records that were verified (`readPeerRecord`), the newest of each
 * peer, one peer for each node. It goes by no server's word, so a record stays whoever goes away; it leaves only when
 * its certificate is refused, or when its node has a later certificate for another key.
 */
export class PeerBook {
  readonly #judge: PeerJudge
  readonly #byPeerId = new Map<string, PeerRecord>()
  readonly #byNode = new Map<NodeName, PeerRecord>()
  readonly #listeners = new Set<(change: PeerChange) => void>()

  constructor(judge: PeerJudge) {
    this.#judge = judge
  }

  get size(): number {
    return this.#byPeerId.size
  }

  byPeerId(peerId: string): PeerRecord | undefined {
    return this.#byPeerId.get(peerId)
  }

  byNode(node: NodeName): PeerRecord | undefined {
    return this.#byNode.get(node)
  }

  /** All records, in no order. The book may change while they are gone through. */
  records(): IterableIterator<PeerRecord> {
    return this.#byPeerId.values()
  }

  /** Takes a verified record in, if it says something new. */
  apply(record: PeerRecord): ApplyOutcome {
    const former = this.#byPeerId.get(record.peerId)
    const outcome = former === undefined ? 'set' : compare(record, former)
    if (outcome !== 'set') return outcome
    const rival = this.#byNode.get(record.node)
    if (rival !== undefined && rival.peerId !== record.peerId) {
      if (!isIssuedLater(record, rival)) return 'superseded'
      this.#remove(rival, 'superseded', `node ${record.node} has another key by now: ${record.peerId}`)
    }
    if (former === undefined && this.size >= MAX_RECORDS) return 'full'
    this.#set(record, former)
    return 'set'
  }

  /** Judges all certificates anew: to be called when trust has changed, and now and then, as they expire. */
  review(): void {
    for (const record of [...this.#byPeerId.values()]) {
      const verdict = this.#judge(record)
      if (verdict.kind === 'refused') this.#remove(record, verdict.reason, verdict.message)
    }
  }

  /** Calls `listener` after each change, until the returned subscription is disposed. */
  onChange(listener: (change: PeerChange) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** The first record that fits, now or within the time; `undefined` when none came. */
  async waitFor(find: (book: PeerBook) => PeerRecord | undefined, timeoutMs: number) {
    const known = find(this)
    if (known !== undefined) return known

    const { promise, resolve } = Promise.withResolvers<PeerRecord | undefined>()
    const timer = setTimeout(() => resolve(undefined), timeoutMs)
    using _ = this.onChange(() => {
      const found = find(this)
      if (found !== undefined) resolve(found)
    })
    const found = await promise
    clearTimeout(timer)
    return found
  }

  #set(record: PeerRecord, former: PeerRecord | undefined): void {
    // A key that changed its node's name.
    if (former !== undefined && this.#byNode.get(former.node) === former) this.#byNode.delete(former.node)
    this.#byPeerId.set(record.peerId, record)
    this.#byNode.set(record.node, record)
    this.#tell({ kind: 'set', record, former })
  }

  #remove(record: PeerRecord, reason: PeerRemovalReason, message: string): void {
    this.#byPeerId.delete(record.peerId)
    if (this.#byNode.get(record.node) === record) this.#byNode.delete(record.node)
    this.#tell({ kind: 'removed', record, reason, message })
  }

  #tell(change: PeerChange): void {
    for (const listener of [...this.#listeners]) listener(change)
  }
}

/** Of two records of one key. */
function compare(record: PeerRecord, former: PeerRecord): 'set' | 'known' | 'older' {
  if (record.wire.record === former.wire.record && record.wire.certificate === former.wire.certificate)
    return 'known'
  if (record.node !== former.node) return isIssuedLater(record, former) ? 'set' : 'older'
  return isNewer(record, former) ? 'set' : 'older'
}

/** At the same second the PeerId decides: all members must come to the same answer. */
function isIssuedLater({ membership: a }: PeerRecord, { membership: b }: PeerRecord): boolean {
  return a.issuedAt === b.issuedAt ? a.peerId > b.peerId : a.issuedAt > b.issuedAt
}
