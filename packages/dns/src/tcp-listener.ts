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

/** Accepts TCP clients at any number of addresses, together up to a number of connections. */
export class TcpListener {
  readonly #options: TcpListenerOptions
  readonly #deps: TcpListenerDeps
  readonly #servers: Server[] = []
  readonly #connections = new Map<Socket, TcpConnection>()

  constructor(options: TcpListenerOptions, deps: TcpListenerDeps) {
    this.#options = options
    this.#deps = deps
  }

  /**
   * Accepts clients at one more address. Rejects with the system's error when it can't be bound.
   *
   * @returns the port, which the kernel has chosen for 0
   */
  async listen(address: string, port: number): Promise<number> {
    // Half open: a client may say that it is done asking and still wait for its answers.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
    server.listen(port, address)
    await once(server, 'listening')
    server.on('error', (error) => this.#deps.onFatal(error))
    this.#servers.push(server)
    const bound = server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : port
  }

  /** Accepts and reads no more; resolves when all connections are closed, their queries answered. */
  async drain(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)))
    for (const connection of this.#connections.values()) connection.end()
    await Promise.all(closed)
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#options.maxTcpConnections) {
      socket.destroy()
      this.#deps.metrics.refusedTcpConnection()
      return
    }
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
