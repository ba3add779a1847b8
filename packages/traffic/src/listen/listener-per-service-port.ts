import type { Server } from 'node:net'
import type {
  ListenerAddress,
  ListenerDirectory,
  Logger,
  ServiceDirectory,
  ServicePort,
  ServicePortName,
} from '@edgeway/core'
import type { Interceptor, OnConnection } from './interceptor.ts'
import { addressOf, listenTcp, stopAccepting } from './tcp-server.ts'

export interface ListenerPerServicePortDeps {
  readonly services: Pick<ServiceDirectory, 'servicePorts' | 'servicePort' | 'watch'>
  readonly onConnection: OnConnection
  readonly logger: Logger
  onFatal(error: Error): void
}

/** The place of one ServicePort's listener; the server is missing while it is about to listen. */
interface Slot {
  server?: Server
}

/**
 * A listener of its own for each TCP ServicePort with a ClusterIP, on a port that the kernel chooses and that stays as
 * long as the ServicePort exists. For nodes where the original destination can't be read.
 */
export class ListenerPerServicePort implements Interceptor, ListenerDirectory {
  readonly listeners: ListenerDirectory = this
  readonly #ip: string
  readonly #deps: ListenerPerServicePortDeps
  readonly #slots = new Map<ServicePortName, Slot>()
  readonly #watchers = new Set<(changed: ServicePortName) => void>()
  readonly #subscription: Disposable

  private constructor(ip: string, deps: ListenerPerServicePortDeps) {
    this.#ip = ip
    this.#deps = deps
    this.#subscription = deps.services.watch((changed) => void this.#follow(changed))
  }

  static async start(ip: string, deps: ListenerPerServicePortDeps): Promise<ListenerPerServicePort> {
    const listeners = new ListenerPerServicePort(ip, deps)
    await Promise.all([...deps.services.servicePorts()].map(({ name }) => listeners.#follow(name)))
    return listeners
  }

  listener(name: ServicePortName): ListenerAddress | undefined {
    const server = this.#slots.get(name)?.server
    return server?.listening === true ? addressOf(server) : undefined
  }

  watch(watcher: (changed: ServicePortName) => void): Disposable {
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]()
    for (const { server } of this.#slots.values()) if (server !== undefined) stopAccepting(server)
    this.#slots.clear()
  }

  async #follow(name: ServicePortName): Promise<void> {
    const isWanted = needsListener(this.#deps.services.servicePort(name))
    if (isWanted && !this.#slots.has(name)) await this.#open(name)
    if (!isWanted && this.#slots.has(name)) this.#close(name)
  }

  async #open(name: ServicePortName): Promise<void> {
    const slot: Slot = {}
    this.#slots.set(name, slot)
    try {
      const server = await this.#listen(name)
      // The ServicePort may have gone while this was on its way, and even have come again.
      if (this.#slots.get(name) !== slot) return stopAccepting(server)
      slot.server = server
      this.#notify(name)
    } catch (error) {
      if (this.#slots.get(name) === slot) this.#slots.delete(name)
      this.#deps.logger.error('no listener for a ServicePort', { service: name, error })
    }
  }

  #listen(name: ServicePortName): Promise<Server> {
    const { services, onConnection, onFatal } = this.#deps
    return listenTcp(
      { ip: this.#ip, port: 0 },
      { onSocket: (socket) => onConnection(socket, services.servicePort(name)), onFatal },
    )
  }

  #close(name: ServicePortName): void {
    const server = this.#slots.get(name)?.server
    this.#slots.delete(name)
    if (server !== undefined) stopAccepting(server)
    this.#notify(name)
  }

  #notify(changed: ServicePortName): void {
    for (const watcher of this.#watchers) watcher(changed)
  }
}

function needsListener(servicePort: ServicePort | undefined): boolean {
  return servicePort !== undefined && servicePort.protocol === 'TCP' && servicePort.clusterIps.length > 0
}
