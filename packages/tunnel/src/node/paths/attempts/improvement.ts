import type { Connection } from '@libp2p/interface'
import { relayOf } from '../../../host/connection-parts.ts'
import type { PunchFailure } from '../../punching/punch-result.ts'
import { rankOf, usablePaths } from '../choice/path-choice.ts'
import type { OpenPath } from '../open/open-paths.ts'
import type { HolePuncher } from '../path-ports.ts'
import type { PeerPaths } from '../ways/candidates.ts'
import type { Ways } from '../ways/ways.ts'
import type { Attempts } from './attempts.ts'
import type { LeftAlone } from './left-alone.ts'

export interface ImprovementDeps {
  readonly ways: Pick<Ways, 'candidates' | 'relays'>
  readonly attempts: Attempts
  readonly leftAlone: LeftAlone
  readonly puncher: HolePuncher
  readonly stopping: AbortSignal
  /** An attempt with that peer has failed. */
  failed(peerId: string): void
}

/** What punching is called among the attempts with a peer. */
export const PUNCHING = 'punching'
/** Of a punch: the peer takes no part just now, as it has not noticed yet that its former path is dead, or is busy. */
const PASSING: readonly (PunchFailure | undefined)[] = ['connected', 'busy']
/** So many attempts with all peers together: the others have theirs in the next rounds. */
const MAX_RUNNING = 32
/** Addresses have that long to answer before the ways that take more effort are tried beside them. */
const HEAD_START_MS = 1_000

/**
 * Tries what would be better than the open paths to a peer, while those carry the calls: nearer addresses, then a hole through
 * NATs, and a better relay. What failed is left alone for a while, so a round may be made at any time.
 */
export class Improvement {
  readonly #deps: ImprovementDeps
  #running = 0

  constructor(deps: ImprovementDeps) {
    this.#deps = deps
  }

  /** Starts what is worth an attempt and is not running yet. Does nothing where no path is open. */
  round(peer: PeerPaths, paths: readonly OpenPath[]): void {
    const [best] = usablePaths(paths).toSorted((a, b) => rankOf(a.kind) - rankOf(b.kind))
    if (best === undefined || best.kind === 'lan') return
    const { peerId } = peer
    const better = this.#deps.ways.candidates(peer).filter(({ kind }) => rankOf(kind) < rankOf(best.kind))
    for (const { address } of better) {
      const key = address.toString()
      if (this.#mayTry(peerId, key)) this.#run(peerId, () => this.#deps.attempts.dialDirect(address, peerId))
    }
    if (
      best.kind !== 'relayed' ||
      this.#areYoung(
        peerId,
        better.map(({ address }) => address.toString()),
      )
    )
      return
    this.#punch(peer, best.id)
    this.#changeRelay(peer, best.id)
  }

  #punch(peer: PeerPaths, over: Connection): void {
    const { attempts, puncher } = this.#deps
    const { peerId } = peer
    if (!this.#mayTry(peerId, PUNCHING) || puncher.obstacle(peer) !== undefined) return
    this.#run(peerId, () => attempts.join(peerId, PUNCHING, () => this.#punchNow(peer, over)))
  }

  async #punchNow(peer: PeerPaths, over: Connection): Promise<Connection> {
    const { puncher, leftAlone, stopping } = this.#deps
    const outcome = await puncher.punch(peer, over, stopping)
    if (outcome.kind === 'punched') {
      leftAlone.answered(peer.peerId, PUNCHING)
      return outcome.connection
    }
    const { message, reason } = outcome
    leftAlone.failed(peer.peerId, PUNCHING, { why: 'failed', message, isBrief: PASSING.includes(reason) })
    throw new Error(message)
  }

  #changeRelay(peer: PeerPaths, inUse: Connection): void {
    const { ways, attempts } = this.#deps
    const relay = relayOf(inUse)
    const [best] = ways.relays(peer, relay)
    if (best === undefined || best.peerId === relay) return
    if (this.#mayTry(peer.peerId, best.address.toString()))
      this.#run(peer.peerId, () => attempts.dialRelayed(best, peer.peerId))
  }

  #mayTry(peerId: string, key: string): boolean {
    const { attempts, leftAlone, stopping } = this.#deps
    if (stopping.aborted || this.#running >= MAX_RUNNING) return false
    return leftAlone.isFree(peerId, key) && !attempts.isRunning(peerId, key)
  }

  #areYoung(peerId: string, keys: readonly string[]): boolean {
    const since = this.#deps.attempts.youngestOf(peerId, keys)
    return since !== undefined && performance.now() - since < HEAD_START_MS
  }

  /** A failure leaves its address alone, so the next ways may follow at once. */
  #run(peerId: string, start: () => Promise<Connection>): void {
    this.#running++
    start().then(
      () => this.#running--,
      () => {
        this.#running--
        this.#deps.failed(peerId)
      },
    )
  }
}
