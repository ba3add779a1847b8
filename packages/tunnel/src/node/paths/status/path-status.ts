import type { NodeName } from '@edgeway/core'
import type { TunnelPath } from '../../../metrics.ts'
import type { OpenPath } from '../open/open-paths.ts'
import type { MissingPath } from './missing-paths.ts'

/** A connection to another node. */
interface PathFacts {
  readonly path: TunnelPath
  /** Multiaddr of the other side; of a relayed one, the relay's first. */
  readonly address: string
  /** Since when new flows take it; of one that they don't, since when it is open. */
  readonly since: string
  readonly rttMs: number | null
  /** Of the segments that this host sent lately, how many it had to send again; `null` where that is not known. */
  readonly lossPercent: number | null
  /** Flows and what else is going on. */
  readonly streams: number
  /** An answer is overdue: new flows go another way. */
  readonly isSuspect: boolean
}

/** The way to another node that new flows take, or why there is none. */
export type PathStatus = {
  readonly node: NodeName
  /** Kinds of path that would be better, and why they are not taken. */
  readonly better: readonly MissingPath[]
} & (
  | (PathFacts & { readonly others: readonly PathFacts[] })
  | { readonly path: null; readonly since: string; readonly why: string }
)

export function pathFacts({ id, kind, rttMs, lossShare, condition }: OpenPath, since?: Date): PathFacts {
  return {
    path: kind,
    address: id.remoteAddr.toString(),
    since: (since ?? new Date(id.timeline.open)).toISOString(),
    rttMs: rttMs === undefined ? null : Math.round(rttMs),
    lossPercent: lossShare === undefined ? null : Math.round(lossShare * 1_000) / 10,
    streams: id.streams.length,
    isSuspect: condition === 'silent' || condition === 'overdue',
  }
}

/** Of attempts that all failed: each one's. */
export function reasonOf(error: unknown): string {
  const attempts = error instanceof AggregateError ? error.errors : [error]
  const reasons = attempts.map((each) => (each instanceof Error ? each.message : String(each)))
  return (
    reasons.join('; ') || 'no tunnel server is joined, and the node has told no address that could be tried'
  )
}
