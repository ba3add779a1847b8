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
}

/**
 * A listener of its own for each TCP ServicePort with a ClusterIP, on a port that the kernel chooses and that stays as
 * long as the ServicePort exists. For nodes where the original destination can't be read.
 */
export class ListenerPerServicePort implements Interceptor, ListenerDirectory {
  readonly listeners: ListenerDirectory = this
  readonly #ip: string
  readonly #deps: ListenerPerServicePortDeps
  /** `undefined`: about to listen. */
  readonly #servers = new Map<ServicePortName, Server | undefined>()
  readonly #watchers = new Set<(changed: ServicePortName) => void>()
  readonly #subscription: Disposable
  #stopped = false

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
    const server = this.#servers.get(name)
    return server?.listening === true ? addressOf(server) : undefined
  }

  watch(watcher: (changed: ServicePortName) => void): Disposable {
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#subscription[Symbol.dispose]()
    for (const server of this.#servers.values()) if (server !== undefined) stopAccepting(server)
    this.#servers.clear()
  }

  async #follow(name: ServicePortName): Promise<void> {
    const wanted = needsListener(this.#deps.services.servicePort(name))
    if (wanted && !this.#servers.has(name)) await this.#open(name)
    if (!wanted && this.#servers.has(name)) this.#close(name)
  }

  async #open(name: ServicePortName): Promise<void> {
    this.#servers.set(name, undefined)
    try {
      const server = await listenTcp({ ip: this.#ip, port: 0 }, (socket) =>
        this.#deps.onConnection(socket, this.#deps.services.servicePort(name)),
      )
      // The ServicePort may have gone while this was on its way.
      if (this.#stopped || !this.#servers.has(name)) return stopAccepting(server)
      this.#servers.set(name, server)
      this.#notify(name)
    } catch (error) {
      this.#servers.delete(name)
      this.#deps.logger.error('no listener for a ServicePort', { service: name, error })
    }
  }

  #close(name: ServicePortName): void {
    const server = this.#servers.get(name)
    this.#servers.delete(name)
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
