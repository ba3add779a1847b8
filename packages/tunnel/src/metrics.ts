import type { Counter, DialFailure, FlowRefusal, Gauge, Metrics, Path } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { isPublic } from './addresses.ts'
import { isPunched } from './host/connection-parts.ts'
import type { EnrolmentRefusal } from './protocol/enrolment.ts'
import type { RegistryRefusal } from './protocol/registry.ts'

/** Why an inbound flow failed: refused with a status, or the asking peer is unknown or broke off. */
export type FlowFailure = FlowRefusal | DialFailure | 'unknown-peer' | 'aborted'

export const TUNNEL_PATHS = ['lan', 'direct', 'punched', 'relayed'] as const satisfies readonly Path[]
export type TunnelPath = (typeof TUNNEL_PATHS)[number]

export interface TunnelMetrics extends PunchMetrics {
  readonly sessions: Gauge<never>
  readonly peers: Gauge<never>
  readonly connections: Gauge<'path'>
  readonly flows: Counter<'direction' | 'path'>
  readonly failures: Counter<'direction' | 'reason'>
  readonly refusedPeers: Counter<'reason'>
  readonly refusedServers: Counter<'reason'>
  readonly refusals: Counter<'by' | 'reason'>
  readonly lookups: Counter<'outcome'>
  readonly certificateEnd: Gauge<never>
  readonly trustSerial: Gauge<never>
  readonly candidateFailures: Counter<'reason'>
  readonly nat: Gauge<'mapping' | 'filtering'>
  readonly portMappings: Gauge<'protocol'>
  readonly portMappingFailures: Counter<'reason'>
  readonly pathChanges: Counter<'from' | 'to' | 'reason'>
  readonly usedPeers: Gauge<'path'>
  readonly missingPaths: Gauge<'path' | 'why'>
  readonly neighbours: Gauge<never>
  readonly neighbourAnnouncements: Counter<'outcome'>
}

/** `outcome` of a punch: `punched`, or one of `PUNCH_FAILURES`; of a try: one of `TRY_OUTCOMES`. */
export interface PunchMetrics {
  readonly punches: Counter<'outcome' | 'nat' | 'peer_nat'>
  readonly punchTries: Counter<'outcome'>
}

export function createTunnelMetrics(metrics: Metrics): TunnelMetrics {
  return {
    ...pathMetrics(metrics),
    ...neighbourMetrics(metrics),
    ...trustMetrics(metrics),
    sessions: metrics.gauge({
      name: 'edgeway_tunnel_sessions',
      help: 'Tunnel servers that this node has joined and holds a reservation at.',
    }),
    peers: metrics.gauge({ name: 'edgeway_tunnel_peers', help: 'Peers whose signed record this node has.' }),
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
      help: 'Connections that this node closed as the peer is no member, by reason.',
      labels: ['reason'],
    }),
    refusedServers: metrics.counter({
      name: 'edgeway_tunnel_refused_servers_total',
      help: 'Attempts to join what did not prove to be a tunnel server of the cluster, by reason.',
      labels: ['reason'],
    }),
    refusals: metrics.counter({
      name: 'edgeway_tunnel_refusals_total',
      help: 'Times that this node was refused, by a tunnel server or a peer, with the reason that it gave.',
      labels: ['by', 'reason'],
    }),
    lookups: metrics.counter({
      name: 'edgeway_tunnel_lookups_total',
      help: 'Nodes that were asked for as their peer was not known, by what came of it.',
      labels: ['outcome'],
    }),
    ...portMappingMetrics(metrics),
    candidateFailures: metrics.counter({
      name: 'edgeway_tunnel_candidate_failures_total',
      help: 'Addresses of other nodes where nobody answered, or another host.',
      labels: ['reason'],
    }),
    nat: metrics.gauge({
      name: 'edgeway_tunnel_nat_info',
      help: '1 for what the NATs before this node do, as far as it is known; 0 for what they did before.',
      labels: ['mapping', 'filtering'],
    }),
    ...punchMetrics(metrics),
  }
}

function trustMetrics(metrics: Metrics): Pick<TunnelMetrics, 'certificateEnd' | 'trustSerial'> {
  return {
    certificateEnd: metrics.gauge({
      name: 'edgeway_tunnel_certificate_end_timestamp_seconds',
      help: 'When the membership certificate of this node ends, in Unix time; 0 without one.',
    }),
    trustSerial: metrics.gauge({
      name: 'edgeway_tunnel_trust_serial_number',
      help: 'Serial of the trust bundle that this node goes by; 0 without one.',
    }),
  }
}

function punchMetrics(metrics: Metrics): PunchMetrics {
  return {
    punches: metrics.counter({
      name: 'edgeway_tunnel_punches_total',
      help: 'Attempts at a path through the NATs of both sides, by what came of them and by the types of both NATs.',
      labels: ['outcome', 'nat', 'peer_nat'],
    }),
    punchTries: metrics.counter({
      name: 'edgeway_tunnel_punch_tries_total',
      help: 'Times that both sides of a punch dialled each other, by what came of it here.',
      labels: ['outcome'],
    }),
  }
}

function pathMetrics(metrics: Metrics): Pick<TunnelMetrics, 'pathChanges' | 'usedPeers' | 'missingPaths'> {
  return {
    pathChanges: metrics.counter({
      name: 'edgeway_tunnel_path_changes_total',
      help: 'Times that new flows to a node began to take another path, by path before and after, and why.',
      labels: ['from', 'to', 'reason'],
    }),
    usedPeers: metrics.gauge({
      name: 'edgeway_tunnel_used_peers',
      help: 'Nodes that this one calls, by the path that new flows take; none: no path is open.',
      labels: ['path'],
    }),
    missingPaths: metrics.gauge({
      name: 'edgeway_tunnel_missing_paths',
      help: 'Nodes that this one calls without a path that would be better than the one in use, by why.',
      labels: ['path', 'why'],
    }),
  }
}

function portMappingMetrics(metrics: Metrics): Pick<TunnelMetrics, 'portMappings' | 'portMappingFailures'> {
  return {
    portMappings: metrics.gauge({
      name: 'edgeway_tunnel_port_mappings',
      help: 'Public ports that a router maps to this node, by the protocol of the router.',
      labels: ['protocol'],
    }),
    portMappingFailures: metrics.counter({
      name: 'edgeway_tunnel_port_mapping_failures_total',
      help: 'Attempts to have a router map a public port that failed, by reason.',
      labels: ['reason'],
    }),
  }
}

function neighbourMetrics(metrics: Metrics): Pick<TunnelMetrics, 'neighbours' | 'neighbourAnnouncements'> {
  return {
    neighbours: metrics.gauge({
      name: 'edgeway_tunnel_neighbours',
      help: 'Peers that announce themselves on the LANs of this node.',
    }),
    neighbourAnnouncements: metrics.counter({
      name: 'edgeway_tunnel_neighbour_announcements_total',
      help: 'Announcements of others on the LANs of this node, by what became of them.',
      labels: ['outcome'],
    }),
  }
}

/**
 * Beside what is told to the peer: `not-admitted`: neither enrolment nor hello within the grace; `untrusted`: a node did
 * not believe this server; `bad-bundle`: roots and revocations that nobody who is trusted has signed; `reservation`,
 * `circuit`: asked for by, or to, a peer that did not join.
 */
export type ServerRefusal =
  | EnrolmentRefusal
  | RegistryRefusal
  | 'not-admitted'
  | 'untrusted'
  | 'bad-bundle'
  | 'reservation'
  | 'circuit'
  | 'reservation-quota'
  | 'circuit-quota'
  | 'reflector-quota'

export interface ServerMetrics {
  readonly sessions: Gauge<never>
  readonly links: Gauge<never>
  readonly members: Gauge<never>
  readonly clones: Counter<never>
  readonly refusedRecords: Counter<'reason'>
  readonly reservations: Gauge<never>
  readonly circuits: Counter<never>
  readonly openCircuits: Gauge<never>
  readonly relayedBytes: Counter<never>
  readonly refusals: Counter<'reason'>
  readonly reflections: Counter<never>
  readonly callBacks: Counter<'outcome'>
}

export function createServerMetrics(metrics: Metrics): ServerMetrics {
  return {
    sessions: metrics.gauge({
      name: 'edgeway_tunnel_server_sessions',
      help: 'Nodes that are connected and joined.',
    }),
    members: metrics.gauge({
      name: 'edgeway_tunnel_server_members',
      help: 'Members of the cluster that this server knows, tunnel servers included.',
    }),
    links: metrics.gauge({
      name: 'edgeway_tunnel_server_links',
      help: 'Other tunnel servers that this one is linked with.',
    }),
    clones: metrics.counter({
      name: 'edgeway_tunnel_server_clones_total',
      help: 'Times that a key was found in use by two processes; once a minute for each key.',
    }),
    refusedRecords: metrics.counter({
      name: 'edgeway_tunnel_server_refused_records_total',
      help: 'Peer records that were not taken, by reason.',
      labels: ['reason'],
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
      help: 'Enrolments, sessions, reservations and circuits that were refused or ended, by reason.',
      labels: ['reason'],
    }),
    reflections: metrics.counter({
      name: 'edgeway_tunnel_server_reflections_total',
      help: 'Connections that were told by a reflector where they come from.',
    }),
    callBacks: metrics.counter({
      name: 'edgeway_tunnel_server_call_backs_total',
      help: 'Call-backs of reflectors to nodes that asked for one, by what came of it.',
      labels: ['outcome'],
    }),
  }
}

/** The path of a libp2p connection: through a relay, through a hole in NATs, to a private address, or to a public one. */
export function pathOf(connection: Connection): TunnelPath {
  if (!connection.direct) return 'relayed'
  if (isPunched(connection)) return 'punched'
  return isPublic(connection.remoteAddr) ? 'direct' : 'lan'
}
