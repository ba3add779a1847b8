import { TokenBucket } from '../../token-bucket.ts'

/** Nobody answered there, or somebody else did: an address of another site, or one that was given to another host. */
export type CandidateFailure = 'unreachable' | 'wrong-identity'

/** `failed`: hole punching. */
export type AttemptFailure = CandidateFailure | 'failed'

const FIRST_MS = 1_000
/** A stranger at an address stays there as a rule; what can change it lifts the wait. */
const WRONG_IDENTITY_MS = 600_000
/** Both sides and their NATs are busy with it, so it comes less often. */
const FIRST_PUNCH_MS = 30_000
const MAX_PUNCH_MS = 3_600_000
/** How often what comes from a peer may free what failed with it: at once, and then that often. */
const FREED_AT_ONCE = 5
const FREED_EVERY_MS = 10_000

/** The last failure of an attempt, and until when it is not repeated, by `performance.now()`. */
export interface Wait {
  readonly why: AttemptFailure
  readonly until: number
  /** For people, where there is more to say. */
  readonly message: string | undefined
}

/** `isBrief`: nothing was wrong with the way, so it is left alone no longer than an address; true but for hole punching. */
interface Failed {
  readonly why: AttemptFailure
  readonly message: string
  readonly isBrief?: boolean
}

interface Failure extends Wait {
  readonly nextMs: number
}

interface Edition {
  readonly text: string
  readonly changes: TokenBucket
}

/**
 * Which attempts with which peers failed lately, and are left alone: addresses for 1 s, doubled up to `maxMs`, punching for
 * 30 s, doubled up to an hour. All of a peer's are free again when its addresses change, and everyone's when the own ones do.
 */
export class LeftAlone {
  readonly #maxMs: number
  /** By PeerId, then by address, or what else was tried. */
  readonly #failures = new Map<string, Map<string, Failure>>()
  /** By PeerId, what the failures were of. */
  readonly #editions = new Map<string, Edition>()

  constructor(maxMs: number) {
    this.#maxMs = maxMs
  }

  /**
   * Frees all of a peer when its edition is another one than before. One that changes all the time frees them now and then.
   *
   * @param edition - text that is another one when what is known of the peer's addresses changed
   */
  note(peerId: string, edition: string): void {
    const known = this.#editions.get(peerId)
    if (known?.text === edition) return
    const changes = known?.changes ?? newBucket()
    if (known !== undefined && !changes.take()) return
    this.#failures.delete(peerId)
    this.#editions.set(peerId, { text: edition, changes })
  }

  /** The peer gave a sign that it may be reached now. */
  free(peerId: string): void {
    if (this.#editions.get(peerId)?.changes.take() !== false) this.#failures.delete(peerId)
  }

  isFree(peerId: string, address: string): boolean {
    const failure = this.#failures.get(peerId)?.get(address)
    return failure === undefined || performance.now() >= failure.until
  }

  /** The last failure of what is tried there, also when it may be repeated by now. */
  waitOf(peerId: string, address: string): Wait | undefined {
    return this.#failures.get(peerId)?.get(address)
  }

  failed(peerId: string, address: string, failure: AttemptFailure | Failed): void {
    const {
      why,
      message,
      isBrief = why !== 'failed',
    }: Partial<Failed> & Pick<Failed, 'why'> = typeof failure === 'string' ? { why: failure } : failure
    const failures = this.#failures.get(peerId) ?? new Map<string, Failure>()
    this.#failures.set(peerId, failures)
    const [firstMs, maxMs] = isBrief ? [FIRST_MS, this.#maxMs] : [FIRST_PUNCH_MS, MAX_PUNCH_MS]
    const waitMs = Math.min(failures.get(address)?.nextMs ?? firstMs, maxMs)
    const leftMs = why === 'wrong-identity' ? WRONG_IDENTITY_MS : waitMs
    failures.set(address, { why, message, until: performance.now() + leftMs, nextMs: waitMs * 2 })
  }

  answered(peerId: string, address: string): void {
    this.#failures.get(peerId)?.delete(address)
  }

  /** Everybody's are free. @param hasMoved - this host is elsewhere: strangers at addresses may be others now */
  clear(hasMoved: boolean): void {
    if (hasMoved) this.#failures.clear()
    for (const failures of this.#failures.values())
      for (const [address, { why }] of failures) if (why !== 'wrong-identity') failures.delete(address)
  }

  /** The peer is no member any more. */
  forget(peerId: string): void {
    this.#failures.delete(peerId)
    this.#editions.delete(peerId)
  }
}

function newBucket(): TokenBucket {
  return new TokenBucket({ burst: FREED_AT_ONCE, everyMs: FREED_EVERY_MS })
}
