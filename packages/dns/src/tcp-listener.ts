import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { DnsMetrics } from './metrics.ts'
import type { Responder } from './responder.ts'
import { TcpConnection, type TcpConnectionOptions } from './tcp-connection.ts'

export interface TcpListenerOptions extends TcpConnectionOptions {
  readonly maxTcpConnections: number
}

export interface TcpListenerDeps {
  readonly responder: Pick<Responder, 'respond'>
  readonly metrics: Pick<DnsMetrics, 'tcpConnections' | 'refusedTcpConnection'>
  onFatal(error: Error): void
}

/** Accepts TCP clients, up to a number. */
export class TcpListener {
  readonly #options: TcpListenerOptions
  readonly #deps: TcpListenerDeps
  readonly #server: Server
  readonly #connections = new Map<Socket, TcpConnection>()

  private constructor(options: TcpListenerOptions, deps: TcpListenerDeps) {
    this.#options = options
    this.#deps = deps
    // Half open: a client may say that it is done asking and still wait for its answers.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
    this.#server.maxConnections = options.maxTcpConnections
    this.#server.on('drop', () => deps.metrics.refusedTcpConnection())
  }

  /** Rejects with the system's error when the address can't be bound. */
  static async start(
    { address, port }: { address: string; port: number },
    options: TcpListenerOptions,
    deps: TcpListenerDeps,
  ): Promise<TcpListener> {
    const listener = new TcpListener(options, deps)
    listener.#server.listen(port, address)
    await once(listener.#server, 'listening')
    listener.#server.on('error', (error) => deps.onFatal(error))
    return listener
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Accepts and reads no more; resolves when all connections are closed, their queries answered. */
  async drain(): Promise<void> {
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    for (const connection of this.#connections.values()) connection.end()
    await closed.promise
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  #accept(socket: Socket): void {
    const connection = new TcpConnection(socket, { options: this.#options, responder: this.#deps.responder })
    this.#connections.set(socket, connection)
    this.#report()
    socket.on('close', () => {
      this.#connections.delete(socket)
      this.#report()
    })
  }

  #report(): void {
    this.#deps.metrics.tcpConnections.set({}, this.#connections.size)
  }
}
