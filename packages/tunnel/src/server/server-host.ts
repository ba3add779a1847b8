import type { Logger } from '@edgeway/core'
import type { Connection, ConnectionGater, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Host, startServerHost } from '../host/host.ts'
import { MAX_CONNECTIONS_OF_PEER, MAX_STREAMS } from '../host/limits.ts'
import type { ClusterKeys } from '../identity/cluster-keys.ts'
import type { ServerMetrics } from '../metrics.ts'
import { HOP_PROTOCOL } from '../protocol/circuit.ts'
import { ENROLMENT_PROTOCOL } from '../protocol/enrolment.ts'
import { REGISTRY_PROTOCOL } from '../protocol/registry.ts'
import type { PeerBook } from '../records/peer-book.ts'
import { AdmissionGrace } from './admission-grace.ts'
import type { Arrivals } from './arrivals.ts'
import { EnrolmentHandler } from './enrolment/enrolment-handler.ts'
import type { MembershipOptions } from './enrolment/membership-options.ts'
import { FORMER_REGISTRY_PROTOCOL, FormerAgents } from './registry/former-agent.ts'
import type { OwnRecord } from './registry/own-record.ts'
import type { Presence } from './registry/presence.ts'
import type { Registry } from './registry/registry.ts'
import { CircuitRelay } from './relay/circuit-relay.ts'
import type { RelayQuota } from './relay/relay-quota.ts'
import { WebSocketEntry, type WebSocketOptions } from './web-socket-entry.ts'

/**
 * For the exchange in front of a circuit: both peers have to answer, each behind what its link is busy with. Whoever waits for the
 * circuit knows better when to give up; what is under way counts as one of the member's circuits meanwhile.
 */
const HANDSHAKE_TIMEOUT_MS = 30_000
/** Of each protocol on one connection: one, and one that is just ending. */
const MAX_CONTROL_STREAMS = 2

export interface ServerHostDeps {
  readonly options: Pick<MembershipOptions, 'certificateValidHours'> & {
    readonly listenHost: string
    readonly listenPort: number
    readonly webSocket?: WebSocketOptions | undefined
    readonly quota: RelayQuota
    readonly admissionGraceMs: number
  }
  readonly keys: ClusterKeys
  readonly book: PeerBook
  readonly presence: Presence
  readonly own: OwnRecord
  readonly registry: Registry
  readonly arrivals: Arrivals
  /** Nobody is let in any more when it is aborted. */
  readonly closing: AbortController
  /** Gets what has to be disposed of. */
  readonly disposables: AsyncDisposableStack
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** Listens, and serves all protocols of a tunnel server. Rejects when the port can't be listened on. */
export async function startHost(key: PrivateKey, deps: ServerHostDeps): Promise<Host> {
  const { registry, arrivals, closing, options, disposables } = deps
  const timeoutMs = options.admissionGraceMs
  const isJoined = (peerId: string): boolean => registry.isJoined(peerId)
  let host: Host | undefined
  const rtt = (connection: Connection): number | undefined => host?.liveness.rtt(connection)
  const grace = disposables.use(new AdmissionGrace({ ...deps, graceMs: timeoutMs, rtt, isJoined }))
  const certificateValidSeconds = options.certificateValidHours * 3_600
  const enrolled = grace.watch.bind(grace)
  const enrolment = new EnrolmentHandler({ ...deps, timeoutMs, certificateValidSeconds, enrolled })
  const former = new FormerAgents({ ...deps, timeoutMs })
  const gater: ConnectionGater = {
    denyInboundConnection: async (arriving) =>
      closing.signal.aborted || !(await arrivals.admit(arriving.remoteAddr.toString(), arriving)),
  }
  const prepare = async ({ node, seen }: Host): Promise<void> => {
    const relay = new CircuitRelay({
      ...deps,
      quota: options.quota,
      isJoined,
      judged: (connection) => registry.judged(connection),
      seen,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    })
    node.addEventListener('connection:open', ({ detail }) => {
      grace.watch(detail)
      cutSurplus(node.getConnections(detail.remotePeer), registry)
    })
    // Circuits on another connection than that of the session would outlive a membership.
    const left = registry.onLeave((peerId) => {
      grace.left(peerId, node.getConnections(peerIdFromString(peerId)))
    })
    disposables.use(left)
    const few = { maxInboundStreams: MAX_CONTROL_STREAMS }
    await node.handle(ENROLMENT_PROTOCOL, (stream, connection) => enrolment.serve(stream, connection), few)
    await node.handle(REGISTRY_PROTOCOL, (stream, connection) => registry.serve(stream, connection), few)
    await node.handle(
      FORMER_REGISTRY_PROTOCOL,
      (stream, connection) => former.refuse(stream, connection),
      few,
    )
    await node.handle(HOP_PROTOCOL, (stream, connection) => relay.serve(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
    })
  }
  const webSocket = await WebSocketEntry.open(options.webSocket, deps.logger)
  if (webSocket !== undefined) disposables.use(webSocket)
  host = await startServerHost({ ...options, webSocket, key, gater, prepare })
  return host
}

/** Ends the oldest connections of a peer that has too many; never that of its session. */
function cutSurplus(connections: readonly Connection[], registry: Pick<Registry, 'connectionOf'>): void {
  const surplus = connections.length - MAX_CONNECTIONS_OF_PEER
  if (surplus <= 0) return
  const spare = connections.filter(
    (connection) => connection !== registry.connectionOf(connection.remotePeer.toString()),
  )
  const oldest = spare.toSorted((a, b) => a.timeline.open - b.timeline.open).slice(0, surplus)
  for (const connection of oldest) connection.abort(new Error('the peer has too many connections'))
}
