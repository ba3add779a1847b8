import { type Component, type ComponentDeps, type Logger, limitedWarn } from '@edgeway/core'
import type { Connection, ConnectionGater } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWebSocketAddress } from '../addresses.ts'
import { type Host, startServerHost } from '../host/host.ts'
import { MAX_STREAMS } from '../host/limits.ts'
import { loadOrCreateJoinToken } from '../identity/former-join-token.ts'
import { loadOrCreateKey } from '../identity/key.ts'
import { createServerMetrics, type ServerMetrics } from '../metrics.ts'
import { HOP_PROTOCOL } from '../protocol/circuit.ts'
import { REGISTRY_PROTOCOL } from '../protocol/registry.ts'
import { CircuitRelay } from './circuit-relay.ts'
import { MemberStore } from './member-store.ts'
import { Registry } from './registry.ts'
import { DEFAULT_RELAY_QUOTA, type RelayQuota } from './relay-quota.ts'
import type { RelayServerState } from './server-state.ts'
import { WebSocketEntry, type WebSocketOptions } from './web-socket-entry.ts'

export interface RelayServerOptions {
  readonly listenHost: string
  readonly listenPort: number
  /** Listens for WebSockets, too. */
  readonly webSocket?: WebSocketOptions | undefined
  readonly quota: RelayQuota
  /** How long a connection may stay without a join. */
  readonly admissionGraceMs: number
  /** `host:port` of the other tunnel servers; each address of a name is one, and this server's own is left out. */
  readonly peers: readonly string[]
  /** `host:port`, `ws://…` or `wss://…` where agents reach this server. */
  readonly advertiseAddresses: readonly string[]
}

export const DEFAULT_RELAY_SERVER_OPTIONS: RelayServerOptions = {
  listenHost: '0.0.0.0',
  listenPort: 20_006,
  quota: DEFAULT_RELAY_QUOTA,
  admissionGraceMs: 5_000,
  peers: [],
  advertiseAddresses: [],
}

/** For the exchange in front of a circuit: both peers have to answer. */
const HANDSHAKE_TIMEOUT_MS = 10_000

export interface RelayServerDeps extends ComponentDeps {
  readonly state: RelayServerState
}

/** The cloud side: lets nodes join, tells them of one another, and relays between them. */
export class RelayServer implements Component {
  readonly #host: Host
  readonly #closing: AbortController
  readonly #logger: Logger
  readonly #grace: AdmissionGrace
  readonly #members: MemberStore
  readonly #webSocket: WebSocketEntry | undefined
  #stopped: Promise<void> | undefined

  private constructor(
    host: Host,
    parts: {
      closing: AbortController
      logger: Logger
      grace: AdmissionGrace
      members: MemberStore
      webSocket: WebSocketEntry | undefined
    },
  ) {
    this.#host = host
    this.#closing = parts.closing
    this.#logger = parts.logger
    this.#grace = parts.grace
    this.#members = parts.members
    this.#webSocket = parts.webSocket
  }

  /**
   * @throws {KeyFileError | JoinTokenError | MembersFileError | CertificateFileError} when what is stored can't be used. Also
   *   rejects when a port can't be listened on.
   */
  static async start(options: RelayServerOptions, deps: RelayServerDeps): Promise<RelayServer> {
    const logger = deps.logger.child({ component: 'tunnel' })
    const metrics = createServerMetrics(deps.metrics)
    const { state } = deps
    const key = await loadOrCreateKey(state.key)
    const peer = key.publicKey.toString()
    const { secret } = await loadOrCreateJoinToken(state.joinToken, peer)
    const members = await MemberStore.load(state.registry)
    const { admissionGraceMs } = options
    const registry = new Registry({ members, secret, joinTimeoutMs: admissionGraceMs, logger, metrics })

    const closing = new AbortController()
    const gater: ConnectionGater = { denyInboundConnection: () => closing.signal.aborted }
    const grace = new AdmissionGrace(registry, { graceMs: admissionGraceMs, logger, metrics })
    const prepare = async ({ node, seen }: Host): Promise<void> => {
      const isJoined = (peerId: string): boolean => registry.isJoined(peerId)
      const handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS
      const { quota } = options
      const relay = new CircuitRelay({ isJoined, quota, seen, logger, metrics, handshakeTimeoutMs })
      node.addEventListener('connection:open', ({ detail }) => grace.watch(detail))
      await node.handle(REGISTRY_PROTOCOL, (stream, connection) => registry.serve(stream, connection))
      await node.handle(HOP_PROTOCOL, (stream, connection) => relay.serve(stream, connection), {
        maxInboundStreams: MAX_STREAMS,
      })
    }
    const webSocket = await WebSocketEntry.open(options.webSocket, logger)
    const host = await startServerHost({ ...options, webSocket, key, gater, prepare }).catch((error) => {
      webSocket?.[Symbol.dispose]()
      throw error
    })

    const addresses = host.listenAddresses().map(String)
    logger.info('tunnel server listens', { peer, addresses, members: members.size })
    logger.info('nodes join with the token that is kept there', { place: state.joinToken.place })
    return new RelayServer(host, { closing, logger, grace, members, webSocket })
  }

  get peerId(): string {
    return this.#host.node.peerId.toString()
  }

  /** The port that is really listened on, also when the options say 0. */
  get port(): number {
    return this.#portWhere((address) => !isWebSocketAddress(address))
  }

  /** That of WebSockets; NaN when they are not listened for. */
  get webSocketPort(): number {
    return this.#portWhere(isWebSocketAddress)
  }

  #portWhere(matches: (address: Multiaddr) => boolean): number {
    const [, port] = this.#host.listenAddresses().find(matches)?.getComponents() ?? []
    return Number(port?.value)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    // All connections first: an agent that asks for a reservation while the relay stops would never ask again
    // (js-libp2p remembers a relay without the protocol as invalid).
    this.#closing.abort()
    this.#grace.stop()
    for (const connection of this.#host.node.getConnections()) connection.abort(new Error('the server stops'))
    try {
      await this.#host.stop()
    } catch (error) {
      this.#logger.warn('libp2p did not stop cleanly', { error })
    }
    this.#webSocket?.[Symbol.dispose]()
    await this.#members.idle()
  }
}

interface GraceDeps {
  readonly graceMs: number
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** Closes connections whose peer did not join in time. */
class AdmissionGrace {
  readonly #registry: Registry
  readonly #deps: GraceDeps
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #warn: Logger['warn']

  constructor(registry: Registry, deps: GraceDeps) {
    this.#registry = registry
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  watch(connection: Connection): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#check(connection)
    }, this.#deps.graceMs)
    this.#timers.add(timer)
    connection.addEventListener('close', () => {
      clearTimeout(timer)
      this.#timers.delete(timer)
    })
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #check(connection: Connection): void {
    const peer = connection.remotePeer.toString()
    if (this.#registry.isJoined(peer)) return
    this.#deps.metrics.refusals.add({ reason: 'not-admitted' })
    this.#warn('closed a connection whose peer did not join', {
      peer,
      address: connection.remoteAddr.toString(),
    })
    connection.abort(new Error('the peer did not join'))
  }
}
