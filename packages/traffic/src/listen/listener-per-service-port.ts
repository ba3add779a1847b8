import {
  IP_FAMILIES,
  type IpFamily,
  ipFamilyOf,
  type ListenerAddress,
  type ListenerDirectory,
  type Logger,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import type { Interceptor, NodeAddresses, OnConnection } from './interceptor.ts'
import { PortListener } from './port-listener.ts'

export interface ListenerPerServicePortOptions {
  readonly addresses: NodeAddresses
  /**
   * How long a listener goes on refusing connections after its ServicePort has gone: as long as an old rule may lead
   * there, the kernel must not give its port to another ServicePort.
   */
  readonly holdBackMs: number
}

export interface ListenerPerServicePortDeps {
  readonly services: Pick<ServiceDirectory, 'servicePorts' | 'servicePort' | 'watch'>
  readonly onConnection: OnConnection
  readonly logger: Logger
  onFatal(error: Error): void
}

/**
 * Listeners of its own for each TCP ServicePort, one in each family that clients may call it in, on ports that the
 * kernel chooses and that stay as long as the ServicePort exists. For nodes where the original destination can't be
 * read. Which address was called stays unknown: every connection counts as one to a ClusterIP, for which the
 * internal traffic policy holds.
 */
export class ListenerPerServicePort implements Interceptor, ListenerDirectory {
  readonly listeners: ListenerDirectory = this
  readonly #options: ListenerPerServicePortOptions
  readonly #deps: ListenerPerServicePortDeps
  readonly #listeners = new Map<string, PortListener>()
  readonly #watchers = new Set<(changed: ServicePortName) => void>()
  readonly #subscription: Disposable

  private constructor(options: ListenerPerServicePortOptions, deps: ListenerPerServicePortDeps) {
    this.#options = options
    this.#deps = deps
    this.#subscription = deps.services.watch((changed) => void this.#follow(changed))
  }

  static async start(
    options: ListenerPerServicePortOptions,
    deps: ListenerPerServicePortDeps,
  ): Promise<ListenerPerServicePort> {
    const listeners = new ListenerPerServicePort(options, deps)
    await Promise.all([...deps.services.servicePorts()].map(({ name }) => listeners.#follow(name)))
    return listeners
  }

  listener(name: ServicePortName, family: IpFamily): ListenerAddress | undefined {
    return this.#listeners.get(keyOf(name, family))?.address
  }

  watch(watcher: (changed: ServicePortName) => void): Disposable {
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]()
    for (const listener of this.#listeners.values()) listener.close()
    this.#listeners.clear()
  }

  async #follow(name: ServicePortName): Promise<void> {
    const wanted = familiesOf(this.#deps.services.servicePort(name))
    for (const family of IP_FAMILIES) if (!wanted.has(family)) this.#retire(name, family)
    await Promise.all([...wanted].map((family) => this.#open(name, family)))
  }

  async #open(name: ServicePortName, family: IpFamily): Promise<void> {
    const ip = this.#options.addresses[family]
    const key = keyOf(name, family)
    const known = this.#listeners.get(key)
    if (ip === undefined || known?.isRetired === false) return
    if (known !== undefined) {
      known.reinstate()
    } else {
      const listener = this.#listenerFor(name)
      this.#listeners.set(key, listener)
      try {
        await listener.listen(ip)
      } catch (error) {
        this.#forget(key, listener)
        this.#deps.logger.error('no listener for a ServicePort', { service: name, family, error })
        return
      }
    }
    this.#notify(name)
  }

  #listenerFor(name: ServicePortName): PortListener {
    const { services, onConnection, onFatal } = this.#deps
    return new PortListener({
      onSocket: (socket, isRetired) => {
        const servicePort = isRetired ? undefined : services.servicePort(name)
        onConnection(socket, servicePort && { servicePort, scope: 'internal' })
      },
      onFatal,
    })
  }

  #retire(name: ServicePortName, family: IpFamily): void {
    const key = keyOf(name, family)
    const listener = this.#listeners.get(key)
    if (listener === undefined || listener.isRetired) return
    listener.retire(this.#options.holdBackMs, () => this.#forget(key, listener))
    this.#notify(name)
  }

  #forget(key: string, listener: PortListener): void {
    if (this.#listeners.get(key) === listener) this.#listeners.delete(key)
  }

  #notify(changed: ServicePortName): void {
    for (const watcher of this.#watchers) watcher(changed)
  }
}

/** Families in which clients may call it; a node port is there in those of its ClusterIPs. A headless one is not called. */
function familiesOf(servicePort: ServicePort | undefined): ReadonlySet<IpFamily> {
  if (servicePort?.protocol !== 'TCP' || servicePort.clusterIps.length === 0) return new Set()
  return new Set([...servicePort.clusterIps, ...servicePort.externalIps].map(ipFamilyOf))
}

function keyOf(name: ServicePortName, family: IpFamily): string {
  return `${family} ${name}`
}
