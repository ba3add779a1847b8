import { TUNNEL_PATHS, type TunnelMetrics, type TunnelPath } from '../../../metrics.ts'
import type { MissingPath } from './missing-paths.ts'

/** What is known of one peer in use. */
export interface CountedPeer {
  readonly path: TunnelPath | undefined
  readonly missing: readonly MissingPath[]
}

/** Keeps the gauges of peers in use: how many go by which path, and how many lack a better one for which reason. */
export class PathCounts {
  readonly #metrics: Pick<TunnelMetrics, 'usedPeers' | 'missingPaths'>
  /** Reasons that were told once, and are told with 0 when there is none any more. */
  readonly #told = new Map<string, Pick<MissingPath, 'path' | 'why'>>()

  constructor(metrics: Pick<TunnelMetrics, 'usedPeers' | 'missingPaths'>) {
    this.#metrics = metrics
  }

  set(peers: readonly CountedPeer[]): void {
    for (const path of [...TUNNEL_PATHS, undefined]) {
      const count = peers.filter((peer) => peer.path === path).length
      this.#metrics.usedPeers.set({ path: path ?? 'none' }, count)
    }
    const counts = new Map([...this.#told.keys()].map((key) => [key, 0]))
    for (const { path, why } of peers.flatMap(({ missing }) => missing)) {
      const key = `${path} ${why}`
      this.#told.set(key, { path, why })
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    for (const [key, labels] of this.#told) this.#metrics.missingPaths.set(labels, counts.get(key) ?? 0)
  }
}
