import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type ComponentLogger,
  type Listener,
  type ListenerEvents,
  type Logger,
  TypedEventEmitter,
  type Upgrader,
} from '@libp2p/interface'
import { getThinWaistAddresses, ipPortToMultiaddr } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type WebSocket, WebSocketServer } from 'ws'
import { CONNECTION_LIMITS, WEB_SOCKET_LIMITS } from '../limits.ts'
import { toMultiaddrConnection } from './connection.ts'

/** A certificate chain and its key, as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Where a listener gets its certificate from, and the news of another one. */
export interface CertificateSource {
  readonly current: Certificate
  onChange(listener: (certificate: Certificate) => void): Disposable
}

export interface WebSocketListenerDeps {
  readonly logger: ComponentLogger
  readonly upgrader: Upgrader
  /** Without: plain WebSockets, for a load balancer or ingress that ends TLS. */
  readonly certificate: CertificateSource | undefined
}

const { requestTimeoutMs, maxHeaderBytes, maxMessageBytes } = WEB_SOCKET_LIMITS
const HTTP_OPTIONS = {
  headersTimeout: requestTimeoutMs,
  requestTimeout: requestTimeoutMs,
  connectionsCheckingInterval: requestTimeoutMs / 5,
  maxHeaderSize: maxHeaderBytes,
  keepAlive: true,
  noDelay: true,
}

/** Takes WebSockets over TCP or TLS and hands them to libp2p. Any path will do; all else is answered 426. */
export class WebSocketListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #deps: WebSocketListenerDeps
  readonly #log: Logger
  readonly #server: HttpServer | HttpsServer
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    clientTracking: false,
  })
  readonly #sockets = new Set<Socket>()
  readonly #closing = new AbortController()
  readonly #reload: Disposable | undefined
  #address: Multiaddr | undefined

  constructor(deps: WebSocketListenerDeps) {
    super()
    this.#deps = deps
    this.#log = deps.logger.forComponent('libp2p:web-socket:listener')
    const { certificate } = deps
    if (certificate === undefined) this.#server = createHttpServer(HTTP_OPTIONS)
    else {
      const server = createHttpsServer({
        ...HTTP_OPTIONS,
        ...certificate.current,
        handshakeTimeout: requestTimeoutMs,
      })
      this.#reload = certificate.onChange((changed) => server.setSecureContext(changed))
      this.#server = server
    }
    this.#server.maxConnections = CONNECTION_LIMITS.maxConnections
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('request', (_request, response) => {
      response
        .writeHead(426, { Connection: 'close', Upgrade: 'websocket' })
        .end('a WebSocket is expected here\n')
    })
    this.#server.on('upgrade', (request, socket, head) => {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.#accept(webSocket, socket, request),
      )
    })
  }

  async listen(address: Multiaddr): Promise<void> {
    const [host, port] = address.getComponents()
    this.#address = address
    const listening = once(this.#server, 'listening')
    this.#server.listen({ host: host?.value, port: Number(port?.value), ipv6Only: host?.name === 'ip6' })
    await listening
    this.#server.on('error', (error) => this.safeDispatchEvent('error', { detail: error }))
    this.safeDispatchEvent('listening')
  }

  async close(): Promise<void> {
    this.#reload?.[Symbol.dispose]()
    this.#closing.abort()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.safeDispatchEvent('close')
  }

  getAddrs(): Multiaddr[] {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') return []
    const suffix = this.#deps.certificate === undefined ? '/ws' : '/tls/ws'
    return getThinWaistAddresses(this.#address, address.port).map((each) => multiaddr(`${each}${suffix}`))
  }

  /** What a peer is told of its own addresses changes nothing here. */
  updateAnnounceAddrs(): void {}

  #accept(
    webSocket: WebSocket,
    socket: Duplex,
    { socket: { remoteAddress, remotePort } }: IncomingMessage,
  ): void {
    if (remoteAddress === undefined || remotePort === undefined) {
      webSocket.terminate()
      return
    }
    const connection = toMultiaddrConnection({
      webSocket,
      socket,
      remoteAddr: multiaddr(`${ipPortToMultiaddr(remoteAddress, remotePort)}/ws`),
      direction: 'inbound',
      log: this.#log.newScope('connection'),
    })
    this.#deps.upgrader
      .upgradeInbound(connection, { signal: this.#closing.signal })
      .catch((error: unknown) => connection.abort(error instanceof Error ? error : new Error(String(error))))
  }
}
