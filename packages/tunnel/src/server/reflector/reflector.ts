import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '@edgeway/core'

import type { ServerMetrics } from '../../metrics.ts'
import { cutSocket, networkOf } from '../../sockets.ts'
import { type ReflectionLimits, serveReflection } from './reflection.ts'

export interface ReflectorLimits extends ReflectionLimits {
  /** Connections in all. */
  readonly connections: number
  /** Connections from one IPv4 address, or one IPv6 network of 64 bits: a whole site may be behind one NAT. */
  readonly connectionsPerAddress: number
}

export const DEFAULT_REFLECTOR_LIMITS: ReflectorLimits = {
  connections: 2_000,
  connectionsPerAddress: 64,
  connectionMs: 20_000,
  callBackMs: 2_000,
}

export interface ReflectorDeps {
  readonly metrics: Pick<ServerMetrics, 'reflections' | 'callBacks' | 'refusals'>
  readonly logger: Logger
  /** Other ones than the usual are for tests. */
  readonly limits?: ReflectorLimits
}

/** Where it listens: an address of this host, and the ports. */
export interface ReflectorPlace {
  readonly host: string
  readonly ports: readonly number[]
}

/**
 * Tells whoever connects where it comes from, see `protocol/reflection.ts`. Of no use to anybody else, so it asks for no
 * membership, and is bounded by numbers alone.
 */
export class Reflector implements AsyncDisposable {
  readonly #deps: ReflectorDeps
  readonly #limits: ReflectorLimits
  readonly #servers: Server[] = []
  readonly #ports: number[] = []
  readonly #closing = new AbortController()
  /** By address, see `connectionsPerAddress`. */
  readonly #open = new Map<string, number>()
  #count = 0
  #stopped: Promise<void> | undefined

  private constructor(deps: ReflectorDeps) {
    this.#deps = deps
    this.#limits = deps.limits ?? DEFAULT_REFLECTOR_LIMITS
  }

  /** Never rejects: a port that can't be listened on is left out, with an `error` line, as all else goes on without. */
  static async start({ host, ports }: ReflectorPlace, deps: ReflectorDeps): Promise<Reflector> {
    const reflector = new Reflector(deps)
    for (const port of ports) await reflector.#listen(host, port)
    return reflector
  }

  /** Those that are really listened on, also where the options say 0. */
  get ports(): readonly number[] {
    return this.#ports
  }

  /** Ends all connections. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    const closed = this.#servers.map((server) => once(server, 'close'))
    for (const server of this.#servers) server.close()
    this.#closing.abort()
    await Promise.all(closed)
  }

  async #listen(host: string, port: number): Promise<void> {
    const { logger } = this.#deps
    const server = createServer((socket) => this.#accept(socket))
    server.listen({ host, port })
    try {
      await once(server, 'listening')
    } catch (error) {
      logger.error('a reflector can not listen: nodes may not find out their NAT type', { host, port, error })
      return
    }
    server.on('error', (error) => logger.warn('a reflector had trouble', { port, error }))
    this.#servers.push(server)
    const address = server.address()
    if (typeof address === 'object' && address !== null) this.#ports.push(address.port)
  }

  #accept(socket: Socket): void {
    // Whatever becomes of it, it is closed then.
    socket.on('error', () => {})
    const { remoteAddress } = socket
    if (remoteAddress === undefined || this.#closing.signal.aborted) {
      socket.destroy()
      return
    }
    const address = networkOf(remoteAddress)
    const ofAddress = this.#open.get(address) ?? 0
    const { connections, connectionsPerAddress } = this.#limits
    if (this.#count >= connections || ofAddress >= connectionsPerAddress) {
      this.#deps.metrics.refusals.add({ reason: 'reflector-quota' })
      cutSocket(socket)
      return
    }
    this.#count++
    this.#open.set(address, ofAddress + 1)
    socket.once('close', () => this.#left(address))
    this.#deps.metrics.reflections.add({})
    void this.#serve(socket)
  }

  async #serve(socket: Socket): Promise<void> {
    const { callBacks } = this.#deps.metrics
    const options = { limits: this.#limits, stopped: this.#closing.signal }
    await serveReflection(socket, { ...options, calledBack: (outcome) => callBacks.add({ outcome }) })
  }

  #left(address: string): void {
    this.#count--
    const ofAddress = (this.#open.get(address) ?? 0) - 1
    if (ofAddress > 0) this.#open.set(address, ofAddress)
    else this.#open.delete(address)
  }
}
