import type { Logger } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import type { TunnelMetrics } from '../../../metrics.ts'
import type { OpenPath, OpenPaths } from '../open/open-paths.ts'
import type { PeerPaths } from '../ways/candidates.ts'
import { type Choice, choosePath, type PathChange, reasonToLeave } from './path-choice.ts'

export interface ChosenPathsDeps {
  readonly open: Pick<OpenPaths, 'choosable'>
  readonly metrics: Pick<TunnelMetrics, 'pathChanges'>
  readonly logger: Logger
}

interface Chosen {
  readonly choice: Choice<OpenPath> | undefined
  readonly since: Date
}

/** Which path new flows to each peer take, and since when. */
export class ChosenPaths {
  readonly #deps: ChosenPathsDeps
  /** By PeerId, as long as it is in use. */
  readonly #chosen = new Map<string, Chosen>()

  constructor(deps: ChosenPathsDeps) {
    this.#deps = deps
  }

  /** Chooses anew. */
  choose(peer: PeerPaths): OpenPath | undefined {
    const before = this.#chosen.get(peer.peerId)
    const paths = this.#deps.open.choosable(peer, before?.choice?.path.id)
    const choice = choosePath(paths, before?.choice, performance.now())
    if (before !== undefined && choice?.path.id === before.choice?.path.id)
      this.#chosen.set(peer.peerId, { choice, since: before.since })
    else
      this.#change(peer, before, { choice, reason: choice?.reason ?? reasonToLeave(paths, before?.choice) })
    return choice?.path
  }

  /** Since when that connection is the one that new flows take; `undefined` where it is not. */
  sinceOf(peerId: string, connection: Connection): Date | undefined {
    const chosen = this.#chosen.get(peerId)
    return chosen?.choice?.path.id === connection ? chosen.since : undefined
  }

  forget(peerId: string): void {
    this.#chosen.delete(peerId)
  }

  #change(
    peer: PeerPaths,
    before: Chosen | undefined,
    { choice, reason }: { choice: Chosen['choice']; reason: PathChange },
  ): void {
    this.#chosen.set(peer.peerId, { choice, since: new Date() })
    const from = before?.choice?.path.kind ?? 'none'
    const to = choice?.path.kind ?? 'none'
    if (before === undefined && choice === undefined) return
    this.#deps.metrics.pathChanges.add({ from, to, reason })
    this.#deps.logger.info('new flows to a node take another path', { node: peer.node, from, to, reason })
  }
}
