import { ProtocolError, TrustError } from '../errors.ts'
import { type Clock, FlooredClock } from './clock.ts'
import {
  CLOCK_SKEW_SECONDS,
  type ClusterId,
  type Membership,
  type MembershipRefusal,
  type MembershipVerdict,
  type Role,
  readMembership,
} from './membership.ts'
import { keyIdOf, type ReadDocument } from './signed-document.ts'
import {
  isEndorsedBy,
  type Revocation,
  type RevocationKind,
  readTrustBundle,
  type TrustBundle,
} from './trust-bundle.ts'

/** Where trust begins: a join token names one root of its cluster, a stored bundle several. */
export interface TrustAnchor {
  readonly cluster: ClusterId
  /** Raw public keys. */
  readonly roots: readonly Uint8Array[]
}

/** Who has to be proven by a certificate. */
export interface ExpectedMember {
  /** As the connection has proven it. */
  readonly peerId: string
  readonly role?: Role
}

interface ReadCertificate {
  readonly membership: Membership
  readonly document: ReadDocument
  /** KeyId of the root whose signature was found to hold. */
  signedBy?: string
}

/** Each is asked for again and again, and a signature costs 0.1 ms. */
const MAX_CACHED = 20_000

/**
 * What this process believes of its cluster: which keys sign for it, and what they signed that was revoked. Judges
 * certificates by that; no network, no server is needed for it.
 */
export class Trust {
  readonly cluster: ClusterId
  readonly clock: Clock
  #roots: ReadonlyMap<string, Uint8Array>
  #bundle: { readonly text: string; readonly bundle: TrustBundle } | undefined
  #revoked: ReadonlyMap<string, Revocation> = new Map()
  readonly #certificates = new Map<string, ReadCertificate>()
  readonly #listeners = new Set<() => void>()

  constructor({ cluster, roots }: TrustAnchor, clock: Clock = new FlooredClock()) {
    this.cluster = cluster
    this.clock = clock
    this.#roots = byKeyId(roots)
  }

  /** Of the bundle that holds; 0 while none was adopted. */
  get serial(): number {
    return this.#bundle?.bundle.serial ?? 0
  }

  /** As it was adopted. */
  get bundle(): string | undefined {
    return this.#bundle?.text
  }

  /** What the adopted bundle says. */
  get content(): TrustBundle | undefined {
    return this.#bundle?.bundle
  }

  /** Raw keys that sign for the cluster. */
  get roots(): readonly Uint8Array[] {
    return [...this.#roots.values()]
  }

  /** KeyIds of the keys that sign for the cluster. */
  get rootIds(): readonly string[] {
    return [...this.#roots.keys()]
  }

  isRoot(publicKey: Uint8Array): boolean {
    return this.#roots.has(keyIdOf(publicKey))
  }

  /** How that thing was revoked; `undefined` where it was not, or not any more. */
  revocation(kind: RevocationKind, value: string): Revocation | undefined {
    const found = this.#revoked.get(`${kind} ${value}`)
    return found?.lifted === true ? undefined : found
  }

  /**
   * Takes over a bundle with a higher serial than the one that holds, if it leads back to a root that is trusted now.
   *
   * @throws {TrustError} when it is of another cluster, can't be read, or nobody who is trusted has signed it
   */
  adopt(text: string): 'adopted' | 'known' | 'older' {
    if (text === this.#bundle?.text) return 'known'
    const bundle = this.verify(text)
    if (this.#bundle !== undefined && bundle.serial === this.serial) return 'known'
    if (bundle.serial < this.serial) return 'older'
    this.#roots = byKeyId(bundle.roots)
    this.#bundle = { text, bundle }
    this.#revoked = new Map(bundle.revoked.map((entry) => [`${entry.kind} ${entry.value}`, entry]))
    for (const listener of [...this.#listeners]) listener()
    return 'adopted'
  }

  /**
   * Reads a bundle and finds the way from the trusted roots to the one that signed it, which vouches for the others.
   *
   * @throws {TrustError} as `adopt`
   */
  verify(text: string): TrustBundle {
    try {
      const { bundle, signer, document } = readTrustBundle(text)
      if (bundle.cluster !== this.cluster)
        throw new TrustError(
          'wrong-cluster',
          `the trust bundle is of cluster ${bundle.cluster}, not ${this.cluster}`,
        )
      const trusted = this.#reachable(bundle)
      const key = bundle.roots.find((root) => keyIdOf(root) === signer && trusted.has(signer))
      if (key === undefined)
        throw new TrustError(
          'unknown-signer',
          `the trust bundle is signed by ${signer}, which no trusted key leads to`,
        )
      if (!document.isSignedBy(key))
        throw new TrustError('bad-signature', 'the signature of the trust bundle does not hold')
      return bundle
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause
      throw new TrustError('malformed', `the trust bundle can not be read: ${cause.message}`, { cause })
    }
  }

  /** Whether a certificate makes its bearer a member, at this moment. */
  judge(certificate: string | undefined, expected: ExpectedMember): MembershipVerdict {
    if (certificate === undefined || certificate === '')
      return refused('no-certificate', 'the peer has shown no membership certificate')
    let read: ReadCertificate
    try {
      read = this.#read(certificate)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return refused('malformed', `the membership certificate can not be read: ${error.message}`)
    }
    return this.#judge(read, expected)
  }

  /** Calls `listener` after each adopted bundle: what was judged before may be refused now. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  #judge(read: ReadCertificate, expected: ExpectedMember): MembershipVerdict {
    const { membership } = read
    const { cluster, node, peerId } = membership
    if (cluster !== this.cluster)
      return refused('wrong-cluster', `the certificate is of cluster ${cluster}, not ${this.cluster}`)
    const signed = this.#judgeSignature(read)
    if (signed !== undefined) return signed
    if (peerId !== expected.peerId)
      return refused(
        'wrong-key',
        `the certificate of node ${node} belongs to key ${peerId}, not ${expected.peerId}`,
      )
    if (expected.role !== undefined && membership.role !== expected.role)
      return refused(
        'wrong-role',
        `the certificate of node ${node} is for a ${membership.role}, not a ${expected.role}`,
      )
    return this.#judgeTime(membership) ?? this.#judgeRevocation(membership) ?? { kind: 'member', membership }
  }

  #judgeSignature(read: ReadCertificate): MembershipVerdict | undefined {
    const { signer, node } = read.membership
    const root = this.#roots.get(signer)
    if (root === undefined)
      return refused(
        'unknown-signer',
        `the certificate of node ${node} is signed by ${signer}, no key of this cluster`,
      )
    if (read.signedBy !== signer && !read.document.isSignedBy(root))
      return refused('bad-signature', `the signature of the certificate of node ${node} does not hold`)
    read.signedBy = signer
    return undefined
  }

  #judgeTime({ node, notBefore, notAfter }: Membership): MembershipVerdict | undefined {
    const now = this.clock.now()
    if (now < notBefore - CLOCK_SKEW_SECONDS)
      return refused(
        'not-yet-valid',
        `the certificate of node ${node} begins at ${isoTime(notBefore)}, and it is ${isoTime(now)} here: is a clock wrong?`,
      )
    if (now > notAfter + CLOCK_SKEW_SECONDS)
      return refused(
        'expired',
        `the certificate of node ${node} ended at ${isoTime(notAfter)}, and it is ${isoTime(now)} here`,
      )
    return undefined
  }

  #judgeRevocation({ node, peerId, invitedAt = 0 }: Membership): MembershipVerdict | undefined {
    if (this.revocation('peer', peerId) !== undefined)
      return refused('revoked', `the key ${peerId} of node ${node} was revoked`)
    const ofNode = this.revocation('node', node)
    return ofNode !== undefined && invitedAt <= ofNode.at
      ? refused('revoked', `node ${node} was revoked at ${isoTime(ofNode.at)}`)
      : undefined
  }

  #read(text: string): ReadCertificate {
    const cached = this.#certificates.get(text)
    if (cached !== undefined) return cached
    const read: ReadCertificate = readMembership(text)
    if (this.#certificates.size >= MAX_CACHED) this.#certificates.clear()
    this.#certificates.set(text, read)
    return read
  }

  /** KeyIds of all that endorsements lead to from the trusted roots. */
  #reachable({ endorsements }: TrustBundle): ReadonlySet<string> {
    const reached = new Map(this.#roots)
    let before: number
    do {
      before = reached.size
      for (const endorsement of endorsements) {
        const isEndorsed = reached.values().some((root) => isEndorsedBy(endorsement, this.cluster, root))
        if (isEndorsed) reached.set(keyIdOf(endorsement.key), endorsement.key)
      }
    } while (reached.size > before)
    return new Set(reached.keys())
  }
}

function byKeyId(keys: readonly Uint8Array[]): Map<string, Uint8Array> {
  return new Map(keys.map((key) => [keyIdOf(key), key]))
}

function refused(reason: MembershipRefusal, message: string): MembershipVerdict {
  return { kind: 'refused', reason, message }
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1_000).toISOString()
}
