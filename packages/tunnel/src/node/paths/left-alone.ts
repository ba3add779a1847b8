/** Nobody answered there, or somebody else did: an address of another site, or one that was given to another host. */
export type CandidateFailure = 'unreachable' | 'wrong-identity'

const FIRST_MS = 1_000
/** A stranger at an address stays there as a rule; what can change it lifts the wait. */
const WRONG_IDENTITY_MS = 600_000

interface Failure {
  readonly until: number
  readonly nextMs: number
}

/**
 * Which addresses of which peers failed lately, and are left alone: 1 s, doubled up to `maxMs`. All of a peer's are free
 * again when its addresses change, and everyone's when the own ones do.
 */
export class LeftAlone {
  readonly #maxMs: number
  /** By PeerId, then by address. */
  readonly #failures = new Map<string, Map<string, Failure>>()
  /** By PeerId, what the failures were of. */
  readonly #editions = new Map<string, string>()

  constructor(maxMs: number) {
    this.#maxMs = maxMs
  }

  /** @param edition - text that is another one when the peer's addresses changed */
  note(peerId: string, edition: string): void {
    if (this.#editions.get(peerId) !== edition) this.#failures.delete(peerId)
    this.#editions.set(peerId, edition)
  }

  isFree(peerId: string, address: string): boolean {
    const failure = this.#failures.get(peerId)?.get(address)
    return failure === undefined || performance.now() >= failure.until
  }

  failed(peerId: string, address: string, why: CandidateFailure): void {
    const failures = this.#failures.get(peerId) ?? new Map<string, Failure>()
    this.#failures.set(peerId, failures)
    const waitMs = Math.min(failures.get(address)?.nextMs ?? FIRST_MS, this.#maxMs)
    const leftMs = why === 'wrong-identity' ? WRONG_IDENTITY_MS : waitMs
    failures.set(address, { until: performance.now() + leftMs, nextMs: waitMs * 2 })
  }

  answered(peerId: string, address: string): void {
    this.#failures.get(peerId)?.delete(address)
  }

  clear(): void {
    this.#failures.clear()
  }

  /** The peer is no member any more. */
  forget(peerId: string): void {
    this.#failures.delete(peerId)
    this.#editions.delete(peerId)
  }
}
