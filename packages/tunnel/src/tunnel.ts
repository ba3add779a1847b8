import type {
  Component,
  ComponentDeps,
  Dialer,
  FlowHandler,
  Logger,
  NodeName,
  ReadinessGate,
} from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
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
import { createTunnelMetrics, pathOf, type TunnelMetrics } from './metrics.ts'
import { InboundFlows } from './node/inbound-flows.ts'
import { membersOnly } from './node/members-only.ts'
import { OpenFlows } from './node/open-flows.ts'
import { PeerConnections } from './node/peer-connections.ts'
import { ServerSession } from './node/server-session.ts'
import { TunnelDialer } from './node/tunnel-dialer.ts'
import { PeerBook } from './peer-book.ts'
import { FLOW_PROTOCOL } from './protocol/flow.ts'
import { MAX_ADDRESSES } from './protocol/registry.ts'
import { PrivateFile } from './state/private-file.ts'
import type { TunnelOptions } from './tunnel-options.ts'

export type TunnelDeps = ComponentDeps & { readonly nodeName: NodeName }

/** Interfaces come and go without libp2p's notice; a look at them costs less than 1 ms. */
const ADDRESS_POLL_MS = 2_000

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
  readonly #addressPoll: NodeJS.Timeout
  #stopped: Promise<void> | undefined

  private constructor(options: TunnelOptions, parts: TunnelParts, deps: TunnelDeps) {
    const { host, book, metrics, logger } = parts
    this.#options = options
    this.#host = host
    this.#book = book
    this.#metrics = metrics
    this.#logger = logger
    this.#gate = deps.readiness.gate('tunnel')
    this.#connections = new PeerConnections(host, options, () => this.#relays())
    const seen = (connection: Connection): void => host.seen(connection)
    this.#inbound = new InboundFlows({ ...options, ...parts, seen, flows: this.#flows })
    this.dialer = new TunnelDialer(options, {
      ...parts,
      seen,
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
    this.#addressPoll = setInterval(() => {
      for (const session of this.#sessions) session.announce()
    }, ADDRESS_POLL_MS)
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
    clearInterval(this.#addressPoll)
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

  #countConnections(): void {
    const peers = this.#host.node
      .getConnections()
      .filter(({ remotePeer }) => this.#book.byPeerId(remotePeer.toString()))
    for (const path of ['direct', 'relayed'] as const) {
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
