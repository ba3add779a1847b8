import type { Duplex } from 'node:stream'
import {
  type ComponentLogger,
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  type Logger,
  serviceCapabilities,
  type Transport,
  transportSymbol,
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { WebSocket } from 'ws'
import { isWebSocketAddress, webSocketUrl } from '../../addresses.ts'
import { WEB_SOCKET_LIMITS } from '../limits.ts'
import { toMultiaddrConnection } from './connection.ts'
import { type CertificateSource, WebSocketListener } from './listener.ts'

interface Components {
  readonly logger: ComponentLogger
}

/** libp2p over WebSockets, for sites whose firewall lets nothing but HTTPS out. Noise runs inside as on TCP. */
class WebSocketTransport implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'edgeway/web-socket'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  readonly #components: Components
  readonly #certificate: CertificateSource | undefined
  readonly #log: Logger

  constructor(components: Components, certificate: CertificateSource | undefined) {
    this.#components = components
    this.#certificate = certificate
    this.#log = components.logger.forComponent('libp2p:web-socket')
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const open = await openWebSocket(webSocketUrl(address), options.signal)
    const connection = toMultiaddrConnection({
      ...open,
      remoteAddr: address,
      direction: 'outbound',
      log: this.#log.newScope('connection'),
    })
    try {
      return await options.upgrader.upgradeOutbound(connection, options)
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  createListener({ upgrader }: CreateListenerOptions): Listener {
    const { logger } = this.#components
    return new WebSocketListener({ logger, upgrader, certificate: this.#certificate })
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(isWebSocketAddress)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(isWebSocketAddress)
  }
}

/** @param certificate - of a listener that ends TLS itself */
export function webSocketTransport(certificate?: CertificateSource): (components: Components) => Transport {
  return (components) => new WebSocketTransport(components, certificate)
}

interface OpenWebSocket {
  readonly webSocket: WebSocket
  readonly socket: Duplex
}

/** Rejects with what went wrong and where; an abort of the signal gives up, also in the middle of TLS. */
function openWebSocket(url: string, signal: AbortSignal): Promise<OpenWebSocket> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<OpenWebSocket>()
  const webSocket = new WebSocket(url, {
    // Who is there is proven by noise, inside, against the key that the join token and certificates of the cluster name: a
    // certificate of the Web's authorities would prove less, and a middlebox that replaces it gets nothing to read.
    rejectUnauthorized: false,
    perMessageDeflate: false,
    maxPayload: WEB_SOCKET_LIMITS.maxMessageBytes,
  })
  let socket: Duplex | undefined
  const onAbort = (): void => {
    reject(signal.reason)
    webSocket.terminate()
  }
  signal.addEventListener('abort', onAbort)
  webSocket.on('upgrade', (response) => {
    socket = response.socket
  })
  webSocket.on('open', () => {
    if (socket !== undefined) resolve({ webSocket, socket })
  })
  // Stays: an error may follow the one that counted.
  webSocket.on('error', (cause) => reject(new Error(`no WebSocket at ${url}: ${cause.message}`, { cause })))
  return promise.finally(() => signal.removeEventListener('abort', onAbort))
}
