import type { NodeName } from '@edgeway/core'
import { ClusterKeysError, ProtocolError, StoredValueConflictError, TrustError } from '../errors.ts'
import type { StoredValue } from '../state/stored-value.ts'
import { type Clock, FlooredClock } from './clock.ts'
import { type ClusterState, decodeClusterState, encodeClusterState } from './cluster-state.ts'
import { createJoinToken, type JoinToken, type TokenUses } from './join-token.ts'
import { CLOCK_SKEW_SECONDS, type ClusterId, type Membership, signMembership } from './membership.ts'
import { createSeed, keyIdOf, type Signer, signerOfSeed } from './signed-document.ts'
import { Trust } from './trust.ts'
import {
  endorse,
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

export type CertificateRequest = Pick<Membership, 'node' | 'peerId' | 'role' | 'labels' | 'token'>

/** Several servers, and the operator's commands, write the same value. */
const MAX_WRITE_ATTEMPTS = 8
const MAX_SPENT = 100_000
/** Unix seconds; as far as times are written. */
const FOREVER = 2 ** 40

/**
 * The keys that make a cluster: whoever has them lets nodes in and throws them out. Only tunnel servers do, and their
 * operator's commands. All of it is one stored value, which several servers may share; each change reads it anew first.
 */
export class ClusterKeys {
  /** What this server believes, by the same rules as each agent. */
  readonly trust: Trust
  readonly #stored: StoredValue
  #state: ClusterState
  #text: string
  #changing: Promise<unknown> = Promise.resolve()

  private constructor(stored: StoredValue, { state, text }: StoredState, clock: Clock) {
    this.#stored = stored
    this.#state = state
    this.#text = text
    this.trust = new Trust(
      { cluster: state.cluster, roots: state.seeds.map((seed) => signerOfSeed(seed).publicKey) },
      clock,
    )
    this.trust.adopt(state.bundle)
  }

  /**
   * The keys of the cluster that the value was made for; a new cluster where nothing is stored.
   *
   * @throws {ClusterKeysError} when what is stored can't be used, or other users can read it
   */
  static async loadOrCreate(stored: StoredValue, clock: Clock = new FlooredClock()): Promise<ClusterKeys> {
    const found = (await read(stored)) ?? (await create(stored, clock))
    try {
      return new ClusterKeys(stored, found, clock)
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause
      throw broken(stored, cause)
    }
  }

  get cluster(): ClusterId {
    return this.#state.cluster
  }

  /** Takes over what others have stored meanwhile. @returns true when it was another state than the known one */
  async refresh(): Promise<boolean> {
    return await this.#exclusively(async () => {
      const found = await read(this.#stored)
      if (found === undefined || found.text === this.#text) return false
      this.#take(found)
      return true
    })
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
   */
  async merge(text: string): Promise<boolean> {
    if (text === this.trust.bundle) return false
    const theirs = this.trust.verify(text)
    return await this.#update((state) => {
      const ours = readTrustBundle(state.bundle).bundle
      const revoked = mergeRevocations(ours.revoked, theirs.revoked, this.trust.clock.now())
      const [newer, older] = theirs.serial > ours.serial ? [theirs, ours] : [ours, theirs]
      if (isSame(newer.revoked, revoked)) return newer === ours ? undefined : { ...state, bundle: text }
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
      const revoked = mergeRevocations(bundle.revoked, [revocation], this.trust.clock.now())
      if (revoked.length > MAX_REVOCATIONS)
        throw new ClusterKeysError(
          `there are ${MAX_REVOCATIONS} revocations already: rotate and retire the cluster's key`,
        )
      return { ...state, bundle: { revoked } }
    })
  }

  /** @param change - what of the bundle is to be another; it gets the next serial */
  async #change(change: (state: ClusterState, bundle: TrustBundle) => ChangedState): Promise<void> {
    await this.#update((state) => {
      const before = readTrustBundle(state.bundle).bundle
      const { bundle, ...changed } = change(state, before)
      const issuedAt = this.trust.clock.now()
      const next = { ...before, ...bundle, serial: before.serial + 1, issuedAt }
      return { ...changed, bundle: this.#sign(changed, next) }
    })
  }

  /** @param change - returns `undefined` where there is nothing to change. @returns whether something was */
  async #update(change: ChangeState): Promise<boolean> {
    return await this.#exclusively(async () => {
      for (let left = MAX_WRITE_ATTEMPTS; ; left--) {
        const done = await this.#tryUpdate(change, left === 1)
        if (done !== 'conflict') return done === 'written'
      }
    })
  }

  async #tryUpdate(change: ChangeState, isLast: boolean): Promise<'written' | 'unchanged' | 'conflict'> {
    const found = await read(this.#stored)
    if (found !== undefined && found.text !== this.#text) this.#take(found)
    const state = change(this.#state)
    if (state === undefined) return 'unchanged'
    try {
      this.#take(await write(this.#stored, state))
      return 'written'
    } catch (error) {
      if (!(error instanceof StoredValueConflictError) || isLast) throw error
      return 'conflict'
    }
  }

  /** One after the other, whether or not the one before succeeded. */
  async #exclusively<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(run, run)
    this.#changing = done
    return await done
  }

  #take({ state, text }: StoredState): void {
    if (state.cluster !== this.#state.cluster)
      throw new ClusterKeysError(`${this.#stored.place} is of another cluster now: restart the tunnel server`)
    this.#state = state
    this.#text = text
    this.trust.adopt(state.bundle)
  }

  get #signer(): Signer {
    return this.#signerOf(this.#state, readTrustBundle(this.#state.bundle).bundle)
  }

  #sign(state: Pick<ClusterState, 'seeds'>, bundle: TrustBundle): string {
    return signTrustBundle(bundle, this.#signerOf(state, bundle))
  }

  /** The newest key that is one of the bundle's roots: another server may have rotated and retired, and kept its new key. */
  #signerOf({ seeds }: Pick<ClusterState, 'seeds'>, { roots }: Pick<TrustBundle, 'roots'>): Signer {
    const rootIds = roots.map(keyIdOf)
    const signer = seeds.map(signerOfSeed).find(({ publicKey }) => rootIds.includes(keyIdOf(publicKey)))
    if (signer !== undefined) return signer
    throw new ClusterKeysError(
      `${this.#stored.place} holds no key that signs for the cluster any more: copy it from a server where it was rotated`,
    )
  }
}

type ChangeState = (state: ClusterState) => ClusterState | undefined
type ChangedState = Omit<ClusterState, 'bundle'> & { readonly bundle: Partial<TrustBundle> }

interface StoredState {
  readonly state: ClusterState
  readonly text: string
}

async function read(stored: StoredValue): Promise<StoredState | undefined> {
  const bytes = await stored.read()
  if (bytes === undefined) return undefined
  const exposure = await stored.exposure()
  if (exposure !== undefined) throw new ClusterKeysError(`the cluster's key in ${stored.place} ${exposure}`)
  try {
    return { state: decodeClusterState(bytes), text: bytes.toString() }
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw broken(stored, cause)
  }
}

function broken({ place }: StoredValue, cause: Error): ClusterKeysError {
  const advice = 'restore it from a backup; deleted, a new cluster is made, which every node has to join anew'
  return new ClusterKeysError(`the cluster's key in ${place} is broken (${cause.message}): ${advice}`, {
    cause,
  })
}

async function write(stored: StoredValue, state: ClusterState): Promise<StoredState> {
  const text = encodeClusterState(state)
  await stored.write(text)
  return { state, text }
}

/** Of two servers that start at once, the first one's cluster is that of both. */
async function create(stored: StoredValue, clock: Clock): Promise<StoredState> {
  const seed = createSeed()
  const signer = signerOfSeed(seed)
  const { publicKey } = signer
  const cluster = keyIdOf(publicKey) as ClusterId
  const bundle: TrustBundle = {
    cluster,
    serial: 1,
    issuedAt: clock.now(),
    roots: [publicKey],
    endorsements: [],
    revoked: [],
  }
  const state = { cluster, seeds: [seed], bundle: signTrustBundle(bundle, signer), spent: [] }
  try {
    return await write(stored, state)
  } catch (error) {
    const others = error instanceof StoredValueConflictError ? await read(stored) : undefined
    if (others === undefined) throw error
    return others
  }
}

/** As sets: both are merged by the same rules, but in another order. */
function isSame(a: readonly Revocation[], b: readonly Revocation[]): boolean {
  const texts = new Set(a.map((entry) => JSON.stringify(entry)))
  return a.length === b.length && b.every((entry) => texts.has(JSON.stringify(entry)))
}
