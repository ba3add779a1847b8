import type { Logger } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import type { AgentHost } from '../../host/host.ts'
import type { TunnelMetrics } from '../../metrics.ts'
import { Attempts } from './attempts/attempts.ts'
import { FirstPaths } from './attempts/first-paths.ts'
import { Improvement } from './attempts/improvement.ts'
import { LeftAlone } from './attempts/left-alone.ts'
import { PathDialer, type PathDialerDeps } from './attempts/path-dialer.ts'
import { ChosenPaths } from './choice/chosen-paths.ts'
import { Hedge } from './choice/hedge.ts'
import { OpenPaths } from './open/open-paths.ts'
import { PathSamples } from './open/path-samples.ts'
import { SilentAddresses } from './open/silent-addresses.ts'
import { SpareConnections } from './open/spare-connections.ts'
import type { HolePuncher, NeighbourAddresses } from './path-ports.ts'
import { PathCounts } from './status/path-counts.ts'
import { PathReport } from './status/path-report.ts'
import { UsedPeers } from './used-peers.ts'
import type { PeerPaths } from './ways/candidates.ts'
import { Ways, type WaysDeps } from './ways/ways.ts'

export interface PathManagerOptions {
  /** How long a connection may take, on whatever path. */
  readonly connectTimeoutMs: number
  /** How long the direct path is given alone. */
  readonly relayDelayMs: number
  /** How long addresses that did not answer are left alone at most, once another path serves. */
  readonly directRetryMs: number
  /** LAN addresses are tried wherever the peer is. Wasteful where sites share subnets. */
  readonly usePrivateAddresses: boolean
}

export interface PathManagerDeps extends Omit<WaysDeps, 'usePrivateAddresses'> {
  readonly host: AgentHost
  readonly neighbours: NeighbourAddresses
  readonly puncher: HolePuncher
  readonly metrics: PathDialerDeps['metrics'] &
    Pick<TunnelMetrics, 'pathChanges' | 'usedPeers' | 'missingPaths'>
  readonly logger: Logger
}

/** What the parts ask of the PathManager. */
export interface PathHooks {
  readonly stopping: AbortSignal
  /** See `HedgeDeps.prepare`. */
  prepare(peer: PeerPaths, silent: Connection): Promise<boolean>
  /** An attempt to improve on the paths to that peer has failed. */
  failed(peerId: string): void
}

export type PathParts = ReturnType<typeof createPathParts>

/** What the PathManager is made of. */
export function createPathParts(options: PathManagerOptions, deps: PathManagerDeps, hooks: PathHooks) {
  const { host, neighbours, puncher, metrics, logger } = deps
  const { node, liveness } = host
  const leftAlone = new LeftAlone(options.directRetryMs)
  const ways = new Ways({ ...deps, usePrivateAddresses: options.usePrivateAddresses })
  const dialer = new PathDialer(options, { ...deps, leftAlone, stopping: hooks.stopping })
  const attempts = new Attempts({ dialer, leftAlone, neighbours })
  const samples = new PathSamples({ host, tcpInfo: host.tcpInfo })
  const hedge = new Hedge({
    rttMs: (connection) => samples.rttMs(connection),
    ask: (connection) => liveness.ask(connection),
    prepare: hooks.prepare,
  })
  const spare = new SpareConnections(node)
  const open = new OpenPaths({ node, liveness, hedge, samples, spare, ways })
  const used = new UsedPeers((peerId) => open.hasFlows(peerId))
  const chosen = new ChosenPaths({ open, metrics, logger })
  const basic = { node, ways, attempts, leftAlone, open, used, chosen, puncher }
  return {
    ...{ ...basic, samples, hedge, spare, dialer },
    first: new FirstPaths({ ...basic, relayDelayMs: options.relayDelayMs }),
    improvement: new Improvement({ ...basic, ...hooks }),
    report: new PathReport(basic),
    counts: new PathCounts(metrics),
    silent: new SilentAddresses(host),
  }
}
