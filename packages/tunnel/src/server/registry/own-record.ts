import { randomUUID } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import { readMembership } from '../../identity/membership.ts'
import { serverNodeName } from '../../identity/node-name.ts'
import { type Signer, signerOf } from '../../identity/signed-document.ts'
import { UNKNOWN_NAT } from '../../nat-type.ts'
import { recordKey } from '../../protocol/record-version.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import { signPeerRecord } from '../../records/peer-record.ts'

export interface OwnRecordDeps {
  readonly key: PrivateKey
  readonly keys: ClusterKeys
  readonly book: PeerBook
  readonly certificateValidSeconds: number
}

/** What a tunnel server says of itself: its certificate, which it signs itself, and its record in the book. */
export class OwnRecord {
  /** Random for each process. */
  readonly instance = randomUUID()
  readonly peerId: string
  readonly #deps: OwnRecordDeps
  readonly #signer: Signer
  readonly #epoch: number
  #seq = 0
  #certificate: string

  constructor(deps: OwnRecordDeps) {
    this.#deps = deps
    this.#signer = signerOf(deps.key)
    this.peerId = deps.key.publicKey.toString()
    // Whatever the machine's clock says, it is later than what this server said before.
    this.#epoch = Math.max(Date.now(), (deps.book.byPeerId(this.peerId)?.epoch ?? 0) + 1)
    this.#certificate = this.#issue()
  }

  get certificate(): string {
    return this.#certificate
  }

  /** Puts the record into the book, from where all are told. */
  publish(): void {
    const { instance } = this
    const reach = { lan: [], direct: [], egress: [], relays: [], nat: UNKNOWN_NAT }
    const fields = { ...reach, epoch: this.#epoch, seq: this.#seq++, instance }
    this.#deps.book.apply(signPeerRecord(fields, { certificate: this.#certificate, signer: this.#signer }))
  }

  /** To be called now and then, and when the cluster's keys have changed: renews the certificate where it must be. */
  review(): void {
    const { keys } = this.#deps
    const { peerId } = this
    const verdict = keys.trust.judge(this.#certificate, { peerId })
    const { notBefore, notAfter } = readMembership(this.#certificate).membership
    const isOld = keys.trust.clock.now() > notBefore + ((notAfter - notBefore) * 2) / 3
    if (verdict.kind === 'member' && !isOld) return
    this.#certificate = this.#issue()
    this.publish()
  }

  #issue(): string {
    const { keys, certificateValidSeconds } = this.#deps
    const { peerId } = this
    const node = serverNodeName(recordKey(peerId))
    return keys.issue({ node, peerId, role: 'server', labels: {} }, certificateValidSeconds)
  }
}
