import type {
  Component,
  ComponentDeps,
  Dialer,
  FlowHandler,
  Logger,
  NodeName,
  ReadinessGate,
} from '@edgeway/core'
import { peerIdFromString } from '@libp2p/peer-id'
import { isWebSocketAddress, parseHostPort, parseServerAddress } from './addresses.ts'
import { type AgentHost, type Host, startAgentHost } from './host/host.ts'
import { MAX_STREAMS } from './host/limits.ts'
import type { Clock } from './identity/clock.ts'
import { loadOrCreateKey } from './identity/key.ts'
import { createTunnelMetrics, pathOf, TUNNEL_PATHS, type TunnelMetrics } from './metrics.ts'
import { ClusterMember } from './node/cluster-member.ts'
import { NodeFinder } from './node/dht/node-finder.ts'
import { InboundFlows } from './node/flows/inbound-flows.ts'
import { OpenFlows } from './node/flows/open-flows.ts'
import { TunnelDialer } from './node/flows/tunnel-dialer.ts'
import { reflect } from './node/nat/reflect.ts'
import { NeighbourRecords } from './node/neighbours/neighbour-records.ts'
import { Neighbours } from './node/neighbours/neighbours.ts'
import { AddressWatch } from './node/own-reach/address-watch.ts'
import { PathManager } from './node/paths/path-manager.ts'
import { isOfPlace } from './node/paths/ways/candidates.ts'
import { PortMapping } from './node/port-mapping/port-mapping.ts'
import { Puncher } from './node/punching/puncher.ts'
import { FLOW_PROTOCOL } from './protocol/flow.ts'
import { PrivateFile } from './state/private-file.ts'
import type { TunnelOptions } from './tunnel-options.ts'

export type TunnelDeps = ComponentDeps & {
  readonly nodeName: NodeName
  /** The machine's, unless a test says otherwise. */
  readonly clock?: Clock
}

/**
 * The node's side of the tunnel: joins the tunnel servers and stays joined, opens flows to Endpoints on other nodes, and
 * takes flows from there.
 */
export class Tunnel implements Component {
  readonly dialer: Dialer
  readonly #options: TunnelOptions
  readonly #host: AgentHost
  readonly #member: ClusterMember
  readonly #paths: PathManager
  readonly #puncher: Puncher
  readonly #finder: NodeFinder
  readonly #neighbours: Neighbours
  readonly #neighbourRecords: NeighbourRecords
  /** What neighbours were told of last. */
  #listening: ReadonlySet<string> | undefined
  readonly #flows = new OpenFlows()
  readonly #inbound: InboundFlows
  readonly #metrics: TunnelMetrics
  readonly #gate: ReadinessGate
  readonly #logger: Logger
  readonly #addressWatch: AddressWatch
  /** `undefined` where it is turned off. */
  readonly #portMapping: PortMapping | undefined
  #joinedBefore: ReadonlySet<string> = new Set()
  #stopped: Promise<void> | undefined

  private constructor(options: TunnelOptions, parts: TunnelParts, deps: TunnelDeps) {
    const { host, member, metrics, logger } = parts
    this.#options = options
    this.#host = host
    this.#member = member
    this.#metrics = metrics
    this.#logger = logger
    this.#gate = deps.readiness.gate('tunnel')
    const { book } = member
    const neighbours = this.#neighboursOf(parts)
    this.#neighbours = neighbours
    this.#puncher = createPuncher(parts)
    const paths = new PathManager(options, {
      ...{ ...parts, neighbours, puncher: this.#puncher },
      relays: () => member.joined,
      egress: () => member.egress,
      listening: () => member.listening,
    })
    this.#paths = paths
    member.nat.onChange(() => paths.natChanged())
    neighbours.onChange((peerId) => paths.neighbourFound(peerId))
    book.onChange((change) => {
      if (change.kind === 'removed') paths.forget(change.record.peerId)
      else paths.recordChanged(change.record)
    })
    deps.status.section('tunnel', () => ({
      ...member.status,
      paths: paths.status((peerId) => book.byPeerId(peerId)?.node),
      portMapping: this.#portMapping?.status ?? { state: 'off' },
    }))
    this.#neighbourRecords = new NeighbourRecords({
      ...{ neighbours, book, logger, peerId: this.peerId, isAlone: () => this.#finder.isAlone },
      trust: () => member.identity.trust,
      own: () => member.ownRecord,
      memberOf: (connection) => member.connections.memberOf(connection),
      connect: (peer) => paths.connect(peer),
      forget: (peerId) => paths.forget(peerId),
    })
    this.#finder = new NodeFinder({
      ...{ host, member, connections: paths, nodeName: deps.nodeName, logger },
      isNeighbour: (peerId) => neighbours.addressesOf(peerId).length > 0,
      aloneChanged: () => this.#neighbourRecords.wake(),
    })
    const flows = this.#flows
    this.#inbound = new InboundFlows({ ...options, ...parts, members: member.connections, flows })
    this.dialer = new TunnelDialer(options, { ...parts, lookup: this.#finder, paths, flows })
    this.#addressWatch = new AddressWatch(({ gone }) => {
      paths.addressesChanged(gone)
      member.wake()
      this.#finder.wake()
      this.#portMapping?.wake()
    })
    if (isMappingWanted(options)) {
      this.#portMapping = new PortMapping({ listening: () => member.listening, metrics, logger })
      this.#portMapping.onChange(() => member.update())
    }
  }

  /**
   * Listens, and returns at once: the sessions with the tunnel servers come up in the background.
   *
   * @throws {KeyFileError | NodeIdentityError | AddressError} when the key file, what else is stored, or an address of the
   *   options can't be used. Also rejects when the port can't be listened on.
   */
  static async start(options: TunnelOptions, deps: TunnelDeps): Promise<Tunnel> {
    const logger = deps.logger.child({ component: 'tunnel' })
    const metrics = createTunnelMetrics(deps.metrics)
    const servers = options.servers.map(parseServerAddress)
    for (const text of announcedTexts(options)) parseHostPort(text)
    const key = await loadOrCreateKey(new PrivateFile(options.keyFile))

    let tunnel: Tunnel | undefined
    const member = await ClusterMember.load(options, {
      ...{ nodeName: deps.nodeName, clock: deps.clock, key, metrics, logger },
      mapped: () => tunnel?.mappedAddresses ?? [],
      changed: () => {
        if (tunnel !== undefined) tunnel.#update()
      },
    })
    const prepare = (host: Host): Promise<void> => member.prepare(host)
    const dialsWebSockets = servers.some(isWebSocketAddress)
    const host = await startAgentHost({ ...options, key, gater: {}, dialsWebSockets, prepare })
    tunnel = new Tunnel(options, { host, member, metrics, logger }, deps)
    await tunnel.#listen()
    member.start(host, servers)
    tunnel.#portMapping?.wake()
    return tunnel
  }

  get peerId(): string {
    return this.#host.node.peerId.toString()
  }

  /** The multiaddrs that a router maps to this node. */
  get mappedAddresses(): readonly string[] {
    return this.#portMapping?.addresses ?? []
  }

  /** Takes flows from other nodes from now on; before, they are refused as `starting`. */
  serve(handler: FlowHandler): void {
    this.#inbound.serve(handler)
  }

  /** Refuses new flows, gives the open ones `drainTimeoutMs`, then closes everything. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #listen(): Promise<void> {
    const { node } = this.#host
    await this.#puncher.prepare()
    const count = (): void => this.#countConnections()
    node.addEventListener('connection:open', count)
    node.addEventListener('connection:close', count)
    await node.handle(FLOW_PROTOCOL, (stream, connection) => this.#inbound.accept(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      maxOutboundStreams: MAX_STREAMS,
    })
    await this.#neighbourRecords.prepare(this.#host)
    const addresses = this.#host.listenAddresses().map(String)
    this.#logger.info('tunnel listens', { peer: this.peerId, addresses })
  }

  async #stop(): Promise<void> {
    this.#inbound.drain()
    await this.#neighbours[Symbol.asyncDispose]()
    await this.#flows.drain(this.#options.drainTimeoutMs)
    this.#addressWatch[Symbol.dispose]()
    await this.#portMapping?.[Symbol.asyncDispose]()
    this.#member.retire()
    await this.#neighbourRecords[Symbol.asyncDispose]()
    await this.#finder[Symbol.asyncDispose]()
    await this.#puncher[Symbol.asyncDispose]()
    // Before the sessions: relayed connections go through theirs, and the last bytes of their flows, too.
    await this.#paths.stop()
    await this.#member[Symbol.asyncDispose]()
    try {
      await this.#host.stop()
    } catch (error) {
      this.#logger.warn('libp2p did not stop cleanly', { error })
    }
  }

  #neighboursOf({ member, metrics, logger }: TunnelParts): Neighbours {
    const { book, identity } = member
    return new Neighbours({
      ...{ metrics, logger, peerId: this.peerId },
      cluster: () =>
        this.#options.discoverNeighbours && identity.membership !== undefined
          ? identity.trust?.cluster
          : undefined,
      listening: () => member.listening,
      isMember: (peerId) => book.byPeerId(peerId) !== undefined,
      isAlone: () => this.#finder.isAlone,
    })
  }

  #update(): void {
    const { joined, book, identity, trouble, listening } = this.#member
    this.#metrics.sessions.set({}, joined.length)
    this.#metrics.peers.set({}, book.size)
    this.#metrics.certificateEnd.set({}, identity.membership?.notAfter ?? 0)
    this.#metrics.trustSerial.set({}, identity.trust?.serial ?? 0)
    this.#finder.update()
    this.#wakePortMapping()
    // The book changes far more often.
    if (listening !== this.#listening) this.#neighbours.wake()
    this.#listening = listening
    if (joined.length > 0) this.#gate.open()
    else this.#gate.shut(`no tunnel server is joined: ${trouble}`)
  }

  /** A server that is joined anew: the router may have restarted, has another address, or this host slept. */
  #wakePortMapping(): void {
    const joined = new Set(this.#member.joined.map(({ peerId, observed }) => `${peerId} ${observed}`))
    const hasNew = !joined.isSubsetOf(this.#joinedBefore)
    this.#joinedBefore = joined
    if (hasNew) this.#portMapping?.wake()
  }

  #countConnections(): void {
    const peers = this.#host.node
      .getConnections()
      .filter(({ remotePeer }) => this.#member.book.byPeerId(remotePeer.toString()))
    for (const path of TUNNEL_PATHS) {
      const count = peers.filter((connection) => pathOf(connection) === path).length
      this.#metrics.connections.set({ path }, count)
    }
  }
}

interface TunnelParts {
  readonly host: AgentHost
  readonly member: ClusterMember
  readonly metrics: TunnelMetrics
  readonly logger: Logger
}

/** What was configured is announced and nothing else. */
function isMappingWanted({ portMapping, announceAddresses }: TunnelOptions): boolean {
  return portMapping && announceAddresses === 'auto'
}

function announcedTexts({ announceAddresses }: TunnelOptions): readonly string[] {
  return announceAddresses === 'auto' ? [] : announceAddresses
}

function createPuncher({ host, member, metrics, logger }: TunnelParts): Puncher {
  const { node, liveness } = host
  return new Puncher({
    ...{ host, metrics, logger, reflect, nat: member.nat, members: member.connections },
    peers: {
      natOf: (peerId) => member.book.byPeerId(peerId)?.nat,
      isAt: (peerId, ip) => isOfPlace(ip, member.book.byPeerId(peerId)?.egress ?? []),
    },
    hasBetter: (peerId) => {
      const open = node.getConnections(peerIdFromString(peerId)).filter(({ status }) => status === 'open')
      const better = open.filter((connection) => connection.direct && !liveness.isSuspect(connection))
      // Whoever wants a punch may have lost them unnoticed.
      for (const connection of better) liveness.ask(connection)
      return better.length > 0
    },
  })
}
