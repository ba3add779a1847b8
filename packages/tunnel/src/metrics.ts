import type { Counter, DialFailure, FlowRefusal, Gauge, Metrics, Path } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { isPublic } from './addresses.ts'
import type { JoinRefusal } from './protocol/join-refusal.ts'

/** Why an inbound flow failed: refused with a status, or the asking peer is unknown or broke off. */
export type FlowFailure = FlowRefusal | DialFailure | 'unknown-peer' | 'aborted'

export const TUNNEL_PATHS = ['lan', 'direct', 'relayed'] as const satisfies readonly Path[]
export type TunnelPath = (typeof TUNNEL_PATHS)[number]

export interface TunnelMetrics {
  readonly sessions: Gauge<never>
  readonly peers: Gauge<never>
  readonly connections: Gauge<'path'>
  readonly flows: Counter<'direction' | 'path'>
  readonly failures: Counter<'direction' | 'reason'>
  readonly refusedPeers: Counter<'reason'>
  readonly candidateFailures: Counter<'reason'>
}

export function createTunnelMetrics(metrics: Metrics): TunnelMetrics {
  return {
    sessions: metrics.gauge({
      name: 'edgeway_tunnel_sessions',
      help: 'Tunnel servers that this node has joined and holds a reservation at.',
    }),
    peers: metrics.gauge({ name: 'edgeway_tunnel_peers', help: 'Peers that a tunnel server vouches for.' }),
    connections: metrics.gauge({
      name: 'edgeway_tunnel_connections',
      help: 'Open connections to other nodes, by the path they take.',
      labels: ['path'],
    }),
    flows: metrics.counter({
      name: 'edgeway_tunnel_flows_total',
      help: 'Flows that were opened, by who asked and by path.',
      labels: ['direction', 'path'],
    }),
    failures: metrics.counter({
      name: 'edgeway_tunnel_flow_failures_total',
      help: 'Flows that could not be opened, by who asked and why.',
      labels: ['direction', 'reason'],
    }),
    refusedPeers: metrics.counter({
      name: 'edgeway_tunnel_refused_peers_total',
      help: 'Connections of peers that no tunnel server vouches for.',
      labels: ['reason'],
    }),
    candidateFailures: metrics.counter({
      name: 'edgeway_tunnel_candidate_failures_total',
      help: 'Addresses of other nodes where nobody answered, or another host.',
      labels: ['reason'],
    }),
  }
}

/**
 * `not-admitted`: no join within the grace; `reservation`, `circuit`: asked for by, or to, a peer that did not join;
 * `reservation-quota`, `circuit-quota`: by a member that has as many as it may; `too-slow`: a member that does not read
 * the registry.
 */
export type ServerRefusal =
  | JoinRefusal
  | 'not-admitted'
  | 'reservation'
  | 'circuit'
  | 'reservation-quota'
  | 'circuit-quota'
  | 'too-slow'

export interface ServerMetrics {
  readonly sessions: Gauge<never>
  readonly members: Gauge<never>
  readonly reservations: Gauge<never>
  readonly circuits: Counter<never>
  readonly openCircuits: Gauge<never>
  readonly relayedBytes: Counter<never>
  readonly refusals: Counter<'reason'>
}

export function createServerMetrics(metrics: Metrics): ServerMetrics {
  return {
    sessions: metrics.gauge({
      name: 'edgeway_tunnel_server_sessions',
      help: 'Nodes that are connected and joined.',
    }),
    members: metrics.gauge({
      name: 'edgeway_tunnel_server_members',
      help: 'Nodes that were admitted, ever.',
    }),
    reservations: metrics.gauge({
      name: 'edgeway_tunnel_server_reservations',
      help: 'Reservations that nodes hold at this relay.',
    }),
    circuits: metrics.counter({
      name: 'edgeway_tunnel_server_circuits_total',
      help: 'Circuits between two nodes that were made.',
    }),
    openCircuits: metrics.gauge({
      name: 'edgeway_tunnel_server_open_circuits',
      help: 'Circuits between two nodes that stand now.',
    }),
    relayedBytes: metrics.counter({
      name: 'edgeway_tunnel_server_relayed_bytes_total',
      help: 'Bytes that went through circuits, in both directions together, as encrypted by the nodes.',
    }),
    refusals: metrics.counter({
      name: 'edgeway_tunnel_server_refusals_total',
      help: 'Joins, reservations and circuits that were refused, by reason.',
      labels: ['reason'],
    }),
  }
}

/** The path of a libp2p connection: through a relay, to a private address, or to a public one. */
export function pathOf({ direct, remoteAddr }: Pick<Connection, 'direct' | 'remoteAddr'>): TunnelPath {
  if (!direct) return 'relayed'
  return isPublic(remoteAddr) ? 'direct' : 'lan'
}
