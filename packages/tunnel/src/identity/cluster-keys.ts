import type { NodeName } from '@edgeway/core'
import { ClusterKeysError, TrustError } from '../errors.ts'
import type { StoredValue } from '../state/stored-value.ts'
import { type Clock, FlooredClock } from './clock.ts'
import type { ClusterState } from './cluster-state.ts'
import { ClusterStore, type Refreshed } from './cluster-store.ts'
import { createJoinToken, type JoinToken, type TokenUses } from './join-token.ts'
import { CLOCK_SKEW_SECONDS, type ClusterId, type Membership, signMembership } from './membership.ts'
import { createSeed, keyIdOf, type Signer, signerOfSeed } from './signed-document.ts'
import { Trust } from './trust.ts'
import {
  endorse,
  MAX_BUNDLE_LENGTH,
  MAX_ENDORSEMENTS,
  MAX_REVOCATIONS,
  mergeRevocations,
  type Revocation,
  type RevocationKind,
  readTrustBundle,
  signTrustBundle,
  type TrustBundle,
} from './trust-bundle.ts'

export interface JoinTokenRequest {
  /** The only node that it is to let in. */
  readonly node?: NodeName
  readonly uses: TokenUses
  /** From now on; a token for many uses may have no end. */
  readonly validSeconds?: number
}

export type CertificateRequest = Pick<
  Membership,
  'node' | 'peerId' | 'role' | 'labels' | 'token' | 'invitedAt'
>

const MAX_SPENT = 100_000
/** Of the revocations: those that servers make by themselves leave room for people's, whoever provokes them. */
const RESERVED_REVOCATIONS = 2_000
/** Unix seconds; as far as times are written. */
const FOREVER = 2 ** 40

/**
 * The keys that make a cluster: whoever has them lets nodes in and throws them out. Only tunnel servers do, and their
 * operator's commands. All of it is one stored value, which several servers may share; each change reads it anew first.
 */
export class ClusterKeys {
  /** What this server believes, by the same rules as each agent. */
  readonly trust: Trust
  readonly #store: ClusterStore

  private constructor(store: ClusterStore, clock: Clock) {
    this.#store = store
    const { cluster, seeds, bundle } = store.state
    this.trust = new Trust({ cluster, roots: seeds.map((seed) => signerOfSeed(seed).publicKey) }, clock)
    this.trust.adopt(bundle)
  }

  /**
   * The keys of the cluster that the value was made for; a new cluster where nothing is stored.
   *
   * @throws {ClusterKeysError} when what is stored can't be used, or other users can read it
   */
  static async loadOrCreate(stored: StoredValue, clock: Clock = new FlooredClock()): Promise<ClusterKeys> {
    const store = await ClusterStore.open(stored, () => newCluster(clock.now()))
    try {
      return new ClusterKeys(store, clock)
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause
      throw store.broken(cause)
    }
  }

  get cluster(): ClusterId {
    return this.#store.state.cluster
  }

  /** Takes over what others have stored meanwhile; what was deleted is stored again, as a restart would make a new cluster. */
  async refresh(): Promise<Refreshed> {
    const refreshed = await this.#store.refresh()
    this.trust.adopt(this.#store.state.bundle)
    return refreshed
  }

  /** A membership certificate that is valid from now on. */
  issue(request: CertificateRequest, validSeconds: number): string {
    const now = this.trust.clock.now()
    const signer = this.#signer
    const times = { issuedAt: now, notBefore: now, notAfter: now + validSeconds }
    return signMembership(
      { cluster: this.cluster, ...request, ...times, signer: keyIdOf(signer.publicKey) },
      signer,
    )
  }

  /** @throws {RangeError} when a token for a single use has no end: servers remember it as long as it lasts */
  createToken({ node, uses, validSeconds }: JoinTokenRequest): JoinToken {
    if (uses === 'single' && validSeconds === undefined)
      throw new RangeError('a join token for a single use needs an end')
    const issuedAt = this.trust.clock.now()
    return createJoinToken(
      {
        cluster: this.cluster,
        uses,
        issuedAt,
        ...(node === undefined ? {} : { node }),
        ...(validSeconds === undefined ? {} : { notAfter: issuedAt + validSeconds }),
      },
      this.#signer,
    )
  }

  /**
   * A new key signs from now on; the one before stays trusted until `retire`.
   *
   * @throws {ClusterKeysError} when another rotation has not come to its end yet
   */
  async rotate(): Promise<void> {
    await this.#change((state, bundle) => {
      if (bundle.roots.length > 1)
        throw new ClusterKeysError('two keys of the cluster are trusted already: retire the older one first')
      const seed = createSeed()
      const { publicKey } = signerOfSeed(seed)
      const endorsement = endorse(state.cluster, publicKey, this.#signerOf(state, bundle))
      return {
        ...state,
        seeds: [seed, ...state.seeds].slice(0, 2),
        bundle: {
          roots: [publicKey, ...bundle.roots],
          endorsements: [...bundle.endorsements, endorsement].slice(-MAX_ENDORSEMENTS),
        },
      }
    })
  }

  /** Trusts the newest key only: what older ones signed does not hold any more. */
  async retire(): Promise<void> {
    await this.#change((state, bundle) => ({
      ...state,
      seeds: state.seeds.slice(0, 1),
      bundle: { roots: bundle.roots.slice(0, 1) },
    }))
  }

  /**
   * @param revocation - `at` is now unless it is said
   * @throws {ClusterKeysError} when there are too many of them
   */
  async revoke(revocation: Omit<Revocation, 'at' | 'lifted'> & { readonly at?: number }): Promise<void> {
    await this.#setRevocation({ at: this.trust.clock.now(), ...revocation })
  }

  /** Takes a revocation back. */
  async readmit(kind: RevocationKind, value: string): Promise<void> {
    await this.#setRevocation({ kind, value, at: this.trust.clock.now(), lifted: true })
  }

  /**
   * Takes over what another server of the cluster knows: the keys of the newer bundle, the revocations of both.
   *
   * @returns true when there was something new
   * @throws {TrustError} when it is no bundle of this cluster's
   * @throws {ClusterKeysError} when both together are too much
   */
  async merge(text: string): Promise<boolean> {
    if (text === this.trust.bundle) return false
    const theirs = this.trust.verify(text)
    return await this.#update((state) => {
      const ours = readTrustBundle(state.bundle).bundle
      const revoked = mergeRevocations(ours.revoked, theirs.revoked, this.trust.clock.now())
      const [newer, older] = theirs.serial > ours.serial ? [theirs, ours] : [ours, theirs]
      // Servers whose clocks differ must not go on correcting each other about what has ended.
      const holding = mergeRevocations(newer.revoked, [], this.trust.clock.now())
      if (isSame(holding, revoked)) return newer === ours ? undefined : { ...state, bundle: text }
      const serial = Math.max(newer.serial, older.serial) + 1
      return { ...state, bundle: this.#sign(state, { ...newer, serial, revoked }) }
    })
  }

  /**
   * Uses a token for a single use up. Stored when this resolves: a certificate may be given out then.
   *
   * @returns `taken` when another peer has used it
   */
  async spend({ id, notAfter = FOREVER }: JoinToken, peerId: string): Promise<'spent' | 'taken'> {
    let holder: string | undefined
    await this.#update((state) => {
      const now = this.trust.clock.now()
      holder = state.spent.find((entry) => entry.id === id)?.peerId
      if (holder !== undefined) return undefined
      const spent = state.spent.filter(({ until }) => until >= now)
      if (spent.length >= MAX_SPENT) throw new ClusterKeysError(`${MAX_SPENT} join tokens are in use already`)
      const until = Math.min(notAfter + CLOCK_SKEW_SECONDS, FOREVER)
      return { ...state, spent: [...spent, { id, peerId, until }] }
    })
    return holder === undefined || holder === peerId ? 'spent' : 'taken'
  }

  async #setRevocation(revocation: Revocation): Promise<void> {
    await this.#change((state, bundle) => {
      const entry = { ...revocation, at: laterThan(bundle.revoked, revocation) }
      const revoked = mergeRevocations(bundle.revoked, [entry], this.trust.clock.now())
      const room = entry.until === undefined ? 0 : RESERVED_REVOCATIONS
      const isGrowing = revoked.length > bundle.revoked.length
      if (isGrowing && revoked.length > MAX_REVOCATIONS - room) throw tooMany(bundle.revoked.length)
      return { ...state, bundle: { revoked } }
    })
  }

  /** @param change - what of the bundle is to be another; it gets the next serial */
  async #change(change: (state: ClusterState, bundle: TrustBundle) => ChangedState): Promise<void> {
    await this.#update((state) => {
      const before = readTrustBundle(state.bundle).bundle
      const { bundle, ...changed } = change(state, before)
      const issuedAt = this.trust.clock.now()
      // What is stored may be a backup: members know a later one.
      const serial = Math.max(before.serial, this.trust.serial) + 1
      const next = { ...before, ...bundle, serial, issuedAt }
      return { ...changed, bundle: this.#sign(changed, next) }
    })
  }

  async #update(change: (state: ClusterState) => ClusterState | undefined): Promise<boolean> {
    const isChanged = await this.#store.update(change)
    this.trust.adopt(this.#store.state.bundle)
    return isChanged
  }

  /**
   * The KeyId of the key that signs for the cluster by now, where it is not kept here: it was made at a server that does not
   * share its stored value with this one.
   */
  get missingKey(): string | undefined {
    const { seeds, bundle } = this.#store.state
    const [signing] = readTrustBundle(bundle).bundle.roots
    const isHere = seeds.some((seed) => sameKey(signerOfSeed(seed).publicKey, signing))
    return signing === undefined || isHere ? undefined : keyIdOf(signing)
  }

  get #signer(): Signer {
    const { state } = this.#store
    return this.#signerOf(state, readTrustBundle(state.bundle).bundle)
  }

  #sign(state: Pick<ClusterState, 'seeds'>, bundle: TrustBundle): string {
    const text = signTrustBundle(bundle, this.#signerOf(state, bundle))
    // Stored, it would never be read again.
    if (bundle.revoked.length > MAX_REVOCATIONS || text.length > MAX_BUNDLE_LENGTH)
      throw tooMany(bundle.revoked.length)
    return text
  }

  /** The newest key that is one of the bundle's roots: another server may have rotated and retired, and kept its new key. */
  #signerOf({ seeds }: Pick<ClusterState, 'seeds'>, { roots }: Pick<TrustBundle, 'roots'>): Signer {
    const rootIds = roots.map(keyIdOf)
    const signer = seeds.map(signerOfSeed).find(({ publicKey }) => rootIds.includes(keyIdOf(publicKey)))
    if (signer !== undefined) return signer
    throw new ClusterKeysError(
      `${this.#store.place} holds no key that signs for the cluster any more: copy it from a server where it was rotated`,
    )
  }
}

function sameKey(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && keyIdOf(a) === keyIdOf(b)
}

type ChangedState = Omit<ClusterState, 'bundle'> & { readonly bundle: Partial<TrustBundle> }

function newCluster(now: number): ClusterState {
  const seed = createSeed()
  const signer = signerOfSeed(seed)
  const { publicKey } = signer
  const cluster = keyIdOf(publicKey) as ClusterId
  const bundle = signTrustBundle(
    { cluster, serial: 1, issuedAt: now, roots: [publicKey], endorsements: [], revoked: [] },
    signer,
  )
  return { cluster, seeds: [seed], bundle, spent: [] }
}

function tooMany(count: number): ClusterKeysError {
  return new ClusterKeysError(
    `no more can be revoked, there are ${count} revocations already: rotate and retire the cluster's key`,
  )
}

/** Times are whole seconds: what is said later of the same thing holds, also within the same one. */
function laterThan(known: readonly Revocation[], { kind, value, at, lifted }: Revocation): number {
  const before = known.find((entry) => entry.kind === kind && entry.value === value)
  return Math.max(at, (before?.at ?? 0) + (lifted === true ? 1 : 0))
}

/** As sets: both are merged by the same rules, but in another order. */
function isSame(a: readonly Revocation[], b: readonly Revocation[]): boolean {
  const texts = new Set(a.map((entry) => JSON.stringify(entry)))
  return a.length === b.length && b.every((entry) => texts.has(JSON.stringify(entry)))
}
