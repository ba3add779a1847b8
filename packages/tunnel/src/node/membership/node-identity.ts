import { randomBytes } from 'node:crypto'
import { type Logger, limitedWarn, type NodeName } from '@edgeway/core'
import type { PrivateKey } from '@libp2p/interface'
import { NodeIdentityError, ProtocolError, TrustError } from '../../errors.ts'
import { type Clock, FlooredClock } from '../../identity/clock.ts'
import {
  CLOCK_SKEW_SECONDS,
  type Membership,
  type MembershipVerdict,
  readMembership,
} from '../../identity/membership.ts'
import { keyIdOf, type Signer, signerOf } from '../../identity/signed-document.ts'
import { Trust } from '../../identity/trust.ts'
import type { StoredValue } from '../../state/stored-value.ts'
import { type CertificateNeed, certificateNeed } from './certificate-need.ts'
import { decodeIdentity, encodeIdentity, type StoredIdentity } from './stored-identity.ts'

export interface NodeIdentityDeps {
  readonly nodeName: NodeName
  readonly key: PrivateKey
  /** `identity.json` in the data folder. */
  readonly stored: StoredValue
  readonly logger: Logger
  /** The machine's, where missing. */
  readonly clock?: Clock | undefined
}

/**
 * Who this node is, and which cluster it believes in: its key, its membership certificate, the cluster's roots and
 * revocations. Kept on disk, so that a start needs no server. A disk that takes no more costs a warning only.
 */
export class NodeIdentity {
  readonly node: NodeName
  readonly peerId: string
  readonly signer: Signer
  /** Random for each process. */
  readonly instance = randomBytes(12).toString('base64url')
  /** Grows with each start: milliseconds of the machine's clock, but never less than once before. */
  readonly epoch: number
  readonly clock: Clock
  readonly #deps: NodeIdentityDeps
  readonly #warn: Logger['warn']
  readonly #listeners = new Set<() => void>()
  /** Where in the last part of its life the certificate is renewed, 0 to 1: agents that joined together don't come together. */
  readonly #jitter = Math.random()
  #trust: Trust | undefined
  #certificate: string | undefined
  #isClockBehind = false
  #writing: Promise<void> = Promise.resolve()

  private constructor(found: StoredIdentity | undefined, deps: NodeIdentityDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
    this.node = deps.nodeName
    this.peerId = deps.key.publicKey.toString()
    this.signer = signerOf(deps.key)
    this.clock = deps.clock ?? new FlooredClock()
    this.epoch = Math.max(Date.now(), (found?.epoch ?? 0) + 1)
    if (found?.cluster !== undefined) this.#restore(found, found.cluster)
  }

  /**
   * @throws {NodeIdentityError} when what is stored is broken, can be read by others, or is of a node of another name
   */
  static async load(deps: NodeIdentityDeps): Promise<NodeIdentity> {
    const { stored } = deps
    const bytes = await stored.read()
    let found: StoredIdentity | undefined
    if (bytes !== undefined) {
      const exposure = await stored.exposure()
      if (exposure !== undefined)
        throw new NodeIdentityError('exposed', `the identity in ${stored.place} ${exposure}`)
      found = decode(bytes, stored.place)
    }
    const identity = new NodeIdentity(found, deps)
    await identity.#save()
    return identity
  }

  /** `undefined` before the first enrolment. */
  get trust(): Trust | undefined {
    return this.#trust
  }

  /** As it is shown to others, whatever has become of it; `undefined` before the first enrolment. */
  get certificate(): string | undefined {
    return this.#certificate
  }

  get membership(): Membership | undefined {
    return this.#certificate === undefined ? undefined : readMembership(this.#certificate).membership
  }

  /** Whether this node is a member at this moment, as others judge it. */
  get verdict(): MembershipVerdict {
    const { peerId } = this
    if (this.#trust !== undefined) return this.#trust.judge(this.#certificate, { peerId, role: 'agent' })
    return { kind: 'refused', reason: 'no-certificate', message: 'this node was never enrolled' }
  }

  /**
   * True when something that was signed is from this clock's future. Small nodes have no battery for theirs and boot in the
   * past: they take the time from a tunnel server until they have NTP.
   */
  get isClockBehind(): boolean {
    return this.#isClockBehind
  }

  /** What has to be done about the certificate now, and when it is due otherwise. */
  get need(): CertificateNeed {
    // A new certificate brings the time, which those of others are judged by.
    if (this.#isClockBehind && this.verdict.kind === 'member') return { kind: 'renew' }
    const { roots: [signing] = [], issuedAt: toldAt = 0 } = this.#trust?.content ?? {}
    return certificateNeed(this.verdict, {
      ...{ now: this.clock.now(), jitter: this.#jitter },
      signing: signing === undefined ? undefined : { keyId: keyIdOf(signing), toldAt },
    })
  }

  /**
   * Takes over a certificate that was given to this node, and the trust that the server of it was authenticated by.
   *
   * @throws {NodeIdentityError} when it is not for this node and key
   */
  take(certificate: string, trust: Trust): void {
    const verdict = this.#judgeOwn(certificate, trust)
    if (verdict.kind === 'refused')
      throw new NodeIdentityError('broken', `the server gave a certificate of no use: ${verdict.message}`)
    const { node, issuedAt } = verdict.membership
    if (node !== this.node)
      throw new NodeIdentityError(
        'key-in-use',
        `the server gave a certificate for node ${node}, not ${this.node}`,
      )
    const former = this.membership
    // Two servers may have been asked at the same time.
    if (former !== undefined && trust === this.#trust && former.issuedAt > issuedAt) return
    this.clock.see(issuedAt)
    this.#isClockBehind = false
    this.#certificate = certificate
    if (trust !== this.#trust) this.#follow(trust)
    this.#changed()
  }

  /** Learns of a time that was signed for the cluster, in Unix seconds, and is therefore over. */
  notice(signedAt: number): void {
    const now = this.clock.now()
    if (signedAt > now + CLOCK_SKEW_SECONDS) {
      this.#isClockBehind = true
      this.#warn("this node's clock is behind; it goes by the time of the tunnel servers", {
        clock: new Date(now * 1_000).toISOString(),
        atLeast: new Date(signedAt * 1_000).toISOString(),
      })
    }
    this.clock.see(signedAt)
  }

  /** Calls `listener` when the certificate, the trust or a bundle has changed. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#writing
  }

  #judgeOwn(certificate: string, trust: Trust): MembershipVerdict {
    const expected = { peerId: this.peerId, role: 'agent' } as const
    const verdict = trust.judge(certificate, expected)
    if (verdict.kind === 'member' || verdict.reason !== 'not-yet-valid' || !this.#isClockBehind)
      return verdict
    this.clock.see(readMembership(certificate).membership.issuedAt)
    return trust.judge(certificate, expected)
  }

  #restore(found: StoredIdentity, cluster: NonNullable<StoredIdentity['cluster']>): void {
    const { place } = this.#deps.stored
    const trust = new Trust({ cluster: cluster.id, roots: cluster.roots }, this.clock)
    try {
      if (cluster.bundle !== undefined) trust.adopt(cluster.bundle)
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause
      throw broken(place, cause)
    }
    this.#follow(trust)
    if (found.certificate !== undefined) this.#restoreCertificate(found.certificate)
  }

  #restoreCertificate(certificate: string): void {
    const { place } = this.#deps.stored
    const { node, peerId, issuedAt } = membershipOf(certificate, place)
    if (peerId !== this.peerId) {
      this.#deps.logger.warn('the stored certificate is of another key; this node has to enrol anew', {
        place,
        peer: peerId,
      })
      return
    }
    if (node !== this.node) throw keyInUse(node, this.node, place)
    this.notice(issuedAt)
    this.#certificate = certificate
  }

  #follow(trust: Trust): void {
    this.#trust = trust
    trust.onChange(() => {
      if (this.#trust !== trust) return
      this.clock.see(trust.content?.issuedAt ?? 0)
      this.#changed()
    })
  }

  #changed(): void {
    this.#writing = this.#writing.then(() => this.#save())
    for (const listener of [...this.#listeners]) listener()
  }

  async #save(): Promise<void> {
    const { stored } = this.#deps
    try {
      await stored.write(encodeIdentity(this.#content()))
    } catch (error) {
      this.#warn('the identity can not be stored; a restart goes on from an older one', {
        place: stored.place,
        error,
      })
    }
  }

  #content(): StoredIdentity {
    const certificate = this.#certificate
    const trust = this.#trust
    return {
      epoch: this.epoch,
      ...(certificate === undefined ? {} : { certificate }),
      ...(trust === undefined
        ? {}
        : { cluster: { id: trust.cluster, roots: trust.roots, bundle: trust.bundle } }),
    }
  }
}

function decode(bytes: Uint8Array, place: string): StoredIdentity {
  try {
    return decodeIdentity(bytes)
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw broken(place, cause)
  }
}

function membershipOf(certificate: string, place: string): Membership {
  try {
    return readMembership(certificate).membership
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw broken(place, cause)
  }
}

function broken(place: string, cause: Error): NodeIdentityError {
  const advice = 'restore it from a backup, or delete it to enrol anew with a join token'
  return new NodeIdentityError('broken', `the identity in ${place} is broken: ${cause.message}; ${advice}`, {
    cause,
  })
}

function keyInUse(theirs: NodeName, ours: NodeName, place: string): NodeIdentityError {
  return new NodeIdentityError(
    'key-in-use',
    `the identity in ${place} is that of node ${theirs}, and this is node ${ours}: if this disk is a copy, or the node was renamed, ` +
      'delete that file, and `key` and `peers.json` beside it; the node then enrols anew with a join token',
  )
}
