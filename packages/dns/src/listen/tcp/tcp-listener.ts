import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { DnsMetrics } from '../../metrics.ts'
import type { Responder } from '../../responder.ts'
import { TcpClients } from './tcp-clients.ts'
import { TcpConnection, type TcpConnectionOptions } from './tcp-connection.ts'
import { TcpTurns } from './tcp-turns.ts'

export interface TcpListenerOptions extends TcpConnectionOptions {
  readonly maxTcpConnections: number
}

export interface TcpListenerDeps {
  readonly responder: Pick<Responder, 'respond'>
  readonly metrics: Pick<DnsMetrics, 'tcpConnections' | 'refusedTcpConnection'>
  onFatal(error: Error): void
}

/** Accepts TCP clients at any number of addresses, together up to a number of connections, which they share fairly. */
export class TcpListener {
  readonly #options: TcpListenerOptions
  readonly #deps: TcpListenerDeps
  readonly #servers: Server[] = []
  readonly #connections: TcpClients<TcpConnection>
  readonly #turns = new TcpTurns()

  constructor(options: TcpListenerOptions, deps: TcpListenerDeps) {
    this.#options = options
    this.#deps = deps
    this.#connections = new TcpClients(options.maxTcpConnections)
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
    for (const connection of this.#connections) connection.end()
    await Promise.all(closed)
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const connection of [...this.#connections]) connection.destroy()
  }

  #accept(socket: Socket): void {
    // A client that is gone already has none; all of those together are one that is soon forgotten.
    const { remoteAddress: address = '' } = socket
    const room = this.#connections.roomFor(address)
    if (room !== 'free') this.#deps.metrics.refusedTcpConnection()
    if (room === 'none') return void socket.destroy()
    const { responder } = this.#deps
    const connection = new TcpConnection(socket, this.#options, { responder, turns: this.#turns })
    this.#connections.add(address, connection)
    socket.on('close', () => {
      this.#connections.delete(address, connection)
      this.#report()
    })
    if (room !== 'free') room.destroy()
    this.#report()
  }

  #report(): void {
    this.#deps.metrics.tcpConnections.set({}, this.#connections.size)
  }
}
