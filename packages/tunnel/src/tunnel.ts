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
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  isPublic,
  isWebSocketAddress,
  parseHostPort,
  parsePeerAddress,
  parseServerAddress,
  withoutPeerId,
} from './addresses.ts'
import { JoinTokenError } from './errors.ts'
import { type AgentHost, startAgentHost } from './host/host.ts'
import { MAX_STREAMS } from './host/limits.ts'
import { type JoinToken, readJoinTokens } from './identity/former-join-token.ts'
import { loadOrCreateKey } from './identity/key.ts'
import { createTunnelMetrics, pathOf, TUNNEL_PATHS, type TunnelMetrics } from './metrics.ts'
import { AddressWatch } from './node/address-watch.ts'
import type { PeerPaths } from './node/candidates.ts'
import { InboundFlows } from './node/inbound-flows.ts'
import { membersOnly } from './node/members-only.ts'
import { OpenFlows } from './node/open-flows.ts'
import { type JoinedRelay, PeerConnections } from './node/peer-connections.ts'
import { ServerSession } from './node/server-session.ts'
import { TunnelDialer } from './node/tunnel-dialer.ts'
import { PeerBook } from './peer-book.ts'
import { FLOW_PROTOCOL } from './protocol/flow.ts'
import { MAX_ADDRESSES, type PeerRecord } from './protocol/registry.ts'
import { PrivateFile } from './state/private-file.ts'
import type { TunnelOptions } from './tunnel-options.ts'

export type TunnelDeps = ComponentDeps & { readonly nodeName: NodeName }

/**
 * The node's side of the tunnel: joins the tunnel servers and stays joined, opens flows to Endpoints on other nodes, and
 * takes flows from there.
 */
export class Tunnel implements Component {
  readonly dialer: Dialer
  readonly #options: TunnelOptions
  readonly #host: AgentHost
  readonly #book: PeerBook
  readonly #connections: PeerConnections
  readonly #sessions: readonly ServerSession[]
  readonly #flows = new OpenFlows()
  readonly #inbound: InboundFlows
  readonly #metrics: TunnelMetrics
  readonly #gate: ReadinessGate
  readonly #logger: Logger
  readonly #addressWatch: AddressWatch
  #stopped: Promise<void> | undefined

  private constructor(options: TunnelOptions, parts: TunnelParts, deps: TunnelDeps) {
    const { host, book, metrics, logger } = parts
    this.#options = options
    this.#host = host
    this.#book = book
    this.#metrics = metrics
    this.#logger = logger
    this.#gate = deps.readiness.gate('tunnel')
    this.#connections = new PeerConnections(options, {
      ...parts,
      relays: () => this.#joinedRelays(),
      egress: () => [],
    })
    this.#inbound = new InboundFlows({ ...options, ...parts, flows: this.#flows })
    this.dialer = new TunnelDialer(options, {
      ...parts,
      book: { byNode: (node) => pathsOf(book.byNode(node), options) },
      connections: this.#connections,
      flows: this.#flows,
    })
    const claimed = new Set<string>()
    this.#sessions = options.servers.map(
      (server, index) =>
        new ServerSession(parseServerAddress(server), {
          ...{ host, book, logger, claimed, nodeName: deps.nodeName, joinTimeoutMs: options.joinTimeoutMs },
          readToken: () => readToken(options, index),
          ownAddresses: () => this.#ownAddresses(),
          changed: () => this.#update(),
        }),
    )
    this.#addressWatch = new AddressWatch(({ gone }) => {
      this.#connections.addressesChanged(gone)
      for (const session of this.#sessions) session.announce()
    })
  }

  /**
   * Listens, and returns at once: the sessions with the tunnel servers come up in the background.
   *
   * @throws {KeyFileError | AddressError} when the key file or an address of the options can't be used. Also rejects when
   *   the port can't be listened on.
   */
  static async start(options: TunnelOptions, deps: TunnelDeps): Promise<Tunnel> {
    const logger = deps.logger.child({ component: 'tunnel' })
    const metrics = createTunnelMetrics(deps.metrics)
    const servers = options.servers.map(parseServerAddress)
    for (const text of announcedTexts(options)) parseHostPort(text)
    const key = await loadOrCreateKey(new PrivateFile(options.keyFile))

    let tunnel: Tunnel | undefined
    const book = new PeerBook((peerId) => {
      if (tunnel !== undefined) tunnel.#connections.drop(peerId)
    })
    const gater = membersOnly({ ...options, book, metrics, logger })
    const dialsWebSockets = servers.some(isWebSocketAddress)
    const host = await startAgentHost({ ...options, key, gater, dialsWebSockets })
    tunnel = new Tunnel(options, { host, book, metrics, logger }, deps)
    await tunnel.#listen()
    return tunnel
  }

  get peerId(): string {
    return this.#host.node.peerId.toString()
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
    const count = (): void => this.#countConnections()
    node.addEventListener('connection:open', count)
    node.addEventListener('connection:close', count)
    await node.handle(FLOW_PROTOCOL, (stream, connection) => this.#inbound.accept(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      maxOutboundStreams: MAX_STREAMS,
    })
    const addresses = this.#host.listenAddresses().map(String)
    this.#logger.info('tunnel listens', { peer: this.peerId, addresses, announced: this.#ownAddresses() })
  }

  async #stop(): Promise<void> {
    this.#inbound.drain()
    await this.#flows.drain(this.#options.drainTimeoutMs)
    this.#addressWatch[Symbol.dispose]()
    // Before the sessions: relayed connections go through theirs, and the last bytes of their flows, too.
    await this.#connections.stop()
    await Promise.all(this.#sessions.map((session) => session[Symbol.asyncDispose]()))
    try {
      await this.#host.stop()
    } catch (error) {
      this.#logger.warn('libp2p did not stop cleanly', { error })
    }
  }

  #relays(): Multiaddr[] {
    return this.#sessions.map(({ relay }) => relay).filter((relay) => relay !== undefined)
  }

  #update(): void {
    const up = this.#sessions.filter(({ relay }) => relay !== undefined).length
    this.#metrics.sessions.set({}, up)
    this.#metrics.peers.set({}, this.#book.size)
    if (up > 0) this.#gate.open()
    else
      this.#gate.shut(
        `no tunnel server is joined: ${this.#sessions.map(({ trouble }) => trouble).join('; ')}`,
      )
  }

  #joinedRelays(): JoinedRelay[] {
    const { node, liveness } = this.#host
    return this.#relays().map((address) => {
      const peerId = address.getComponents().at(-1)?.value ?? ''
      const [connection] = node.getConnections(peerIdFromString(peerId))
      const rttMs = connection === undefined ? undefined : liveness.rtt(connection)
      return { peerId, address, rttMs: rttMs ?? Number.NaN }
    })
  }

  #countConnections(): void {
    const peers = this.#host.node
      .getConnections()
      .filter(({ remotePeer }) => this.#book.byPeerId(remotePeer.toString()))
    for (const path of TUNNEL_PATHS) {
      const count = peers.filter((connection) => pathOf(connection) === path).length
      this.#metrics.connections.set({ path }, count)
    }
  }

  /** Where others may dial this node. */
  #ownAddresses(): string[] {
    const { announceAddresses } = this.#options
    const addresses =
      announceAddresses === 'auto'
        ? this.#interfaceAddresses()
        : announceAddresses.map((text) => parseHostPort(text).toString())
    return addresses.slice(0, MAX_ADDRESSES)
  }

  #interfaceAddresses(): string[] {
    const { usePrivateAddresses } = this.#options
    return this.#host
      .listenAddresses()
      .map(withoutPeerId)
      .filter((text) => text !== undefined)
      .filter((text) => {
        const address = parsePeerAddress(text)
        return address !== undefined && (usePrivateAddresses || isPublic(address))
      })
  }
}

/** The registry's addresses, told apart by where they lead. */
function pathsOf(
  record: PeerRecord | undefined,
  { usePrivateAddresses }: TunnelOptions,
): PeerPaths | undefined {
  if (record === undefined) return undefined
  const isDirect = (text: string): boolean => {
    const address = parsePeerAddress(text)
    return address !== undefined && isPublic(address)
  }
  const direct = record.addresses.filter(isDirect)
  // The registry does not say yet where a peer is: a private address may be of any site.
  const lan = usePrivateAddresses ? record.addresses.filter((text) => !isDirect(text)) : []
  return { ...record, lan, direct, egress: [], relays: [] }
}

interface TunnelParts {
  readonly host: AgentHost
  readonly book: PeerBook
  readonly metrics: TunnelMetrics
  readonly logger: Logger
}

function announcedTexts({ announceAddresses }: TunnelOptions): readonly string[] {
  return announceAddresses === 'auto' ? [] : announceAddresses
}

/** The token for the server at that place of the list; a single one is for all, which are then one server's addresses. */
async function readToken({ joinTokenFile }: TunnelOptions, index: number): Promise<JoinToken> {
  const tokens = await readJoinTokens(joinTokenFile)
  const token = tokens.length === 1 ? tokens[0] : tokens[index]
  if (token !== undefined) return token
  throw new JoinTokenError(
    `join token file ${joinTokenFile} has no line ${index + 1}: one per tunnel server is needed`,
  )
}
