import type { Socket } from 'node:net'
import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import type {
  ComponentLogger,
  Connection,
  ConnectionGater,
  PeerId,
  PrivateKey,
  Stream,
} from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { toMultiaddr } from '../addresses.ts'
import { Circuits } from './circuits.ts'
import { quickConnectionList } from './connections.ts'
import {
  AGENT_LIVENESS,
  CONNECTION_LIMITS,
  MAX_STREAMS,
  PING_LIMITS,
  SERVER_LIVENESS,
  TCP_LIMITS,
  YAMUX_LIMITS,
} from './limits.ts'
import { Liveness } from './liveness.ts'
import { adoptSocket, type PunchedPeer, type Upgrader } from './punched/adopt.ts'
import { TcpInfo } from './tcp-info.ts'
import type { CertificateSource } from './web-socket/listener.ts'

export interface HostOptions {
  readonly key: PrivateKey
  readonly listenHost: string
  readonly listenPort: number
  /** Who may connect, reserve and relay. */
  readonly gater: ConnectionGater
  /** Called before anybody can connect: js-libp2p remembers for good that a relay lacks a protocol. */
  prepare?(host: Host): Promise<void>
}

export interface AgentHostOptions extends HostOptions {
  /** Whether addresses of WebSockets can be dialled; what that takes is loaded only then. */
  readonly dialsWebSockets?: boolean
}

export interface ServerHostOptions extends HostOptions {
  /** Listens for WebSockets, too; over TLS where there is a certificate. */
  readonly webSocket?:
    | { readonly listenPort: number; readonly certificate?: CertificateSource | undefined }
    | undefined
}

/** How a connection leaves this host, and who is told. */
export interface DialWay {
  /** One of this host's IP addresses; the kernel's choice unless given. Of no effect for WebSockets. */
  readonly localAddress?: string | undefined
  /** Called when something has answered at the address, before it has proven who it is. */
  readonly reached?: (() => void) | undefined
}

/** libp2p as both processes use it: TCP and, where wanted, WebSockets; noise, yamux. */
export interface Host {
  readonly node: Libp2p
  /**
   * Always makes a new connection. libp2p's own dial queue is not used: it joins dials of one peer, and the mesh races
   * paths to one peer against each other.
   */
  dial(address: Multiaddr, signal: AbortSignal, way?: DialWay): Promise<Connection>
  /** The addresses that the process accepts connections at, TCP first, wildcards resolved to those of the interfaces. */
  listenAddresses(): Multiaddr[]
  /** Signs of life, and what their lack means; see there. */
  readonly liveness: Pick<
    Liveness,
    'seen' | 'expecting' | 'activity' | 'awaiting' | 'ask' | 'rtt' | 'isSuspect' | 'suspicion' | 'deadline'
  >
  /** For each sign of life of the other side that is no byte; see `Liveness.seen`. */
  seen(connection: Connection): void
  stop(): Promise<void>
}

export interface AgentHost extends Host {
  readonly tcpInfo: Pick<TcpInfo, 'read'>
  /**
   * Reserves a slot at a relay that there is a connection to, and keeps renewing it. Others can then reach this peer
   * through the relay. The reservation ends with the connection.
   */
  reserve(relay: PeerId): Promise<void>
  /** Calls `listener` with the relay's PeerId when a reservation ended, also when it could not be renewed. */
  onReservationLost(listener: (relay: PeerId) => void): Disposable
  /** Makes a connection of a socket that is connected through both sides' NATs; see `adoptSocket`. */
  adopt(socket: Socket, peer: PunchedPeer, signal: AbortSignal): Promise<Connection>
}

export async function startAgentHost(options: AgentHostOptions): Promise<AgentHost> {
  const circuits = new Circuits()
  const webSockets = options.dialsWebSockets === true ? [await loadWebSocketTransport()] : []
  const node = await createLibp2p({
    ...commonInit(options),
    // All dials are the mesh's own, see `Host.dial`; libp2p's attempts to come back to a relay by itself are not wanted.
    connectionGater: { ...options.gater, denyDialPeer: () => true },
    transports: [tcp(TCP_LIMITS), ...webSockets, circuits.transport],
    services: {
      ...{ identify: identify(), ping: ping(PING_LIMITS), transports: transportAccess },
      connectionList: quickConnectionList,
    },
  })

  // How many streams may be opened is a limit of who handles a protocol, else it is 64: the one that renews a reservation
  // would be one too many beside so many circuits.
  const refuse = (stream: Stream): void => stream.abort(new Error('this is no relay'))
  await node.handle(RELAY_V2_HOP_CODEC, refuse, { maxInboundStreams: 1, maxOutboundStreams: MAX_STREAMS })

  const tcpInfo = new TcpInfo()
  const liveness = new Liveness(node, AGENT_LIVENESS, tcpInfo)
  const host: AgentHost = {
    ...commonHost(node, node.services.transports, liveness),
    tcpInfo,
    reserve: async (relay) => {
      liveness.addRelay(relay.toString())
      await circuits.reserve(relay)
    },
    onReservationLost: (listener) => circuits.onLost(listener),
    adopt: (socket, peer, signal) =>
      whileDialling(signal, (adoptSignal) => node.services.transports.adopt(socket, peer, adoptSignal)),
  }
  await start(host, options)
  return host
}

export async function startServerHost(options: ServerHostOptions): Promise<Host> {
  const { webSocket, listenHost } = options
  const common = commonInit(options)
  const transports: TransportFactory[] = [tcp(TCP_LIMITS)]
  if (webSocket !== undefined) {
    const { certificate, listenPort } = webSocket
    transports.push(await loadWebSocketTransport(certificate))
    common.addresses.listen.push(`${toMultiaddr(listenHost, listenPort)}${certificate ? '/tls/ws' : '/ws'}`)
  }
  const node = await createLibp2p({
    ...common,
    connectionGater: options.gater,
    transports,
    services: {
      // Agents ask who is here; the server learns nothing by asking each of them.
      identify: identify({ runOnConnectionOpen: false }),
      ...{ ping: ping(PING_LIMITS), transports: transportAccess },
      connectionList: quickConnectionList,
    },
  })
  // What identify learned of each stranger would stay in memory for ever.
  node.addEventListener('peer:disconnect', ({ detail }) => void node.peerStore.delete(detail))
  const host = commonHost(node, node.services.transports, new Liveness(node, SERVER_LIVENESS, new TcpInfo()))
  await start(host, options)
  return host
}

type TransportFactory = ReturnType<typeof tcp>

/** Costs some MiB of memory, so only who needs it loads it. */
async function loadWebSocketTransport(certificate?: CertificateSource): Promise<TransportFactory> {
  const { webSocketTransport } = await import('./web-socket/transport.ts')
  return webSocketTransport(certificate)
}

async function start(host: Host, { prepare }: HostOptions): Promise<void> {
  try {
    await prepare?.(host)
    await host.node.start()
  } catch (error) {
    await host.stop()
    throw error
  }
}

function commonInit({ key, listenHost, listenPort }: HostOptions) {
  return {
    start: false,
    privateKey: key,
    addresses: { listen: [toMultiaddr(listenHost, listenPort).toString()] },
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(YAMUX_LIMITS)],
    connectionManager: CONNECTION_LIMITS,
    // See `Liveness`.
    connectionMonitor: { enabled: false },
  }
}

interface DialOptions {
  readonly signal: AbortSignal
  readonly localAddress: string | undefined
  readonly maxOutboundStreams: number
  onProgress(event: { readonly type: string }): void
}

/** What libp2p says when the transport stands, and the encryption begins. */
const REACHED_EVENT = 'upgrader:encrypt-outbound-connection'

/** The one inner part of libp2p that dials one address of one peer, as asked. */
interface Transports {
  dial(address: Multiaddr, options: DialOptions): Promise<Connection>
  getAddrs(): Multiaddr[]
}

interface InnerParts {
  readonly transportManager: Transports
  readonly upgrader: Upgrader
  readonly logger: ComponentLogger
}

interface TransportAccess extends Transports {
  adopt(socket: Socket, peer: PunchedPeer, signal: AbortSignal): Promise<Connection>
}

/** A libp2p service gets at the inner parts; it must be an object of its own, or libp2p would start the part twice. */
function transportAccess({ transportManager, upgrader, logger }: InnerParts): TransportAccess {
  return {
    dial: (address, options) => transportManager.dial(address, options),
    getAddrs: () => transportManager.getAddrs(),
    adopt: (socket, peer, signal) => adoptSocket(socket, peer, { upgrader, logger, signal }),
  }
}

function commonHost(node: Libp2p, transports: Transports, liveness: Liveness): Host {
  let listening: Multiaddr[] = []
  return {
    node,
    liveness,
    seen: (connection) => liveness.seen(connection),
    stop: async () => {
      liveness[Symbol.dispose]()
      await node.stop()
    },
    dial: (address, signal, { localAddress, reached = () => {} } = {}) => {
      const onProgress = ({ type }: { readonly type: string }): void => {
        if (type === REACHED_EVENT) reached()
      }
      return whileDialling(signal, (dialSignal) =>
        // The limit is that of circuits through one relay, 64 by default.
        transports.dial(address, {
          ...{ signal: dialSignal, maxOutboundStreams: MAX_STREAMS, localAddress, onProgress },
        }),
      )
    },
    listenAddresses: () => {
      try {
        listening = transports.getAddrs()
      } catch {
        // Wildcards are resolved by asking the kernel, which refuses while no file descriptor is left: as they were before.
      }
      return listening
    },
  }
}

/** libp2p's TCP ties the socket to the dial's signal for good: an abort after the dial must not reach it. */
async function whileDialling<T>(
  signal: AbortSignal,
  dial: (dialSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const dialling = new AbortController()
  const abort = (): void => dialling.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await dial(dialling.signal)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
