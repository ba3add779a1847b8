import type { NodeName } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import type { Host } from '../host/host.ts'
import { pathOf, type TunnelPath } from '../metrics.ts'

/** One connection to another node, or why there is none. */
export type PathStatus =
  | {
      readonly node: NodeName
      readonly path: TunnelPath
      /** Multiaddr of the other side; of a relayed one, the relay's first. */
      readonly address: string
      readonly since: string
      readonly rttMs: number | null
      /** Flows and what else is going on. */
      readonly streams: number
      /** An answer is overdue: new flows go another way. */
      readonly isSuspect: boolean
    }
  | { readonly node: NodeName; readonly path: null; readonly since: string; readonly why: string }

export function pathStatus(
  node: NodeName,
  connection: Connection,
  liveness: Pick<Host['liveness'], 'rtt' | 'isSuspect'>,
): PathStatus {
  const rttMs = liveness.rtt(connection)
  return {
    node,
    path: pathOf(connection),
    address: connection.remoteAddr.toString(),
    since: new Date(connection.timeline.open).toISOString(),
    rttMs: rttMs === undefined ? null : Math.round(rttMs),
    streams: connection.streams.length,
    isSuspect: liveness.isSuspect(connection),
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
