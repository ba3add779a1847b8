import {
  IP_FAMILIES,
  type IpFamily,
  ipFamilyOf,
  type ListenerAddress,
  type ListenerDirectory,
  type Logger,
  type Protocol,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import type { NodeAddresses } from './interceptor.ts'

/** A listener that keeps its port for a while after it was retired, so that nobody else gets it. */
export interface HeldBackListener {
  /** Where clients are served; `undefined` before it listens, and once retired. */
  readonly address: ListenerAddress | undefined
  readonly isRetired: boolean
  /** @throws {Error} when the address can't be bound */
  listen(ip: string): Promise<void>
  /** From here on it serves nobody; after `holdBackMs` it closes and says so. */
  retire(holdBackMs: number, onClosed: () => void): void
  /** Takes a retirement back: it is there again at once, on the same port. */
  reinstate(): void
  close(): void
}

export interface ServicePortListenersOptions {
  readonly addresses: NodeAddresses
  /**
   * How long a listener goes on refusing clients after its ServicePort has gone: as long as an old rule may lead there, the
   * kernel must not give its port to another ServicePort.
   */
  readonly holdBackMs: number
}

export interface ServicePortListenersDeps<Listener extends HeldBackListener> {
  readonly services: Pick<ServiceDirectory, 'servicePorts' | 'servicePort' | 'watch'>
  readonly logger: Logger
  /** In which families a ServicePort is to be listened for. */
  familiesOf(servicePort: ServicePort): ReadonlySet<IpFamily>
  /** A new listener, which does not listen yet. */
  listenerFor(name: ServicePortName, family: IpFamily): Listener
}

const RETRY_MS = 5_000

/** Listeners that come and go with the directory's ServicePorts, on ports that the kernel chooses. */
export class ServicePortListeners<Listener extends HeldBackListener>
  implements ListenerDirectory, AsyncDisposable
{
  readonly #options: ServicePortListenersOptions
  readonly #deps: ServicePortListenersDeps<Listener>
  readonly #listeners = new Map<string, Listener>()
  readonly #watchers = new Set<(changed: ServicePortName) => void>()
  readonly #subscription: Disposable
  readonly #retries = new Map<ServicePortName, NodeJS.Timeout>()
  #isClosed = false

  private constructor(options: ServicePortListenersOptions, deps: ServicePortListenersDeps<Listener>) {
    this.#options = options
    this.#deps = deps
    this.#subscription = deps.services.watch((changed) => void this.#follow(changed))
  }

  static async start<Listener extends HeldBackListener>(
    options: ServicePortListenersOptions,
    deps: ServicePortListenersDeps<Listener>,
  ): Promise<ServicePortListeners<Listener>> {
    const listeners = new ServicePortListeners(options, deps)
    await Promise.all([...deps.services.servicePorts()].map(({ name }) => listeners.#follow(name)))
    return listeners
  }

  listener(name: ServicePortName, family: IpFamily): ListenerAddress | undefined {
    return this.of(name, family)?.address
  }

  /** Also one that is retired. */
  of(name: ServicePortName, family: IpFamily): Listener | undefined {
    return this.#listeners.get(keyOf(name, family))
  }

  watch(watcher: (changed: ServicePortName) => void): Disposable {
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#subscription[Symbol.dispose]()
    for (const timer of this.#retries.values()) clearTimeout(timer)
    for (const listener of this.#listeners.values()) listener.close()
    this.#listeners.clear()
  }

  async #follow(name: ServicePortName): Promise<void> {
    const servicePort = this.#deps.services.servicePort(name)
    const wanted = servicePort === undefined ? new Set<IpFamily>() : this.#deps.familiesOf(servicePort)
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
      const listener = this.#deps.listenerFor(name, family)
      this.#listeners.set(key, listener)
      try {
        await listener.listen(ip)
      } catch (error) {
        this.#forget(key, listener)
        this.#deps.logger.error('no listener for a ServicePort; will retry', { service: name, family, error })
        this.#retry(name)
        return
      }
    }
    this.#notify(name)
  }

  /** What it lacked (descriptors, the address) may be there by then. */
  #retry(name: ServicePortName): void {
    if (this.#isClosed || this.#retries.has(name)) return
    const timer = setTimeout(() => {
      this.#retries.delete(name)
      void this.#follow(name)
    }, RETRY_MS)
    this.#retries.set(name, timer.unref())
  }

  #retire(name: ServicePortName, family: IpFamily): void {
    const key = keyOf(name, family)
    const listener = this.#listeners.get(key)
    if (listener === undefined || listener.isRetired) return
    listener.retire(this.#options.holdBackMs, () => this.#forget(key, listener))
    this.#notify(name)
  }

  #forget(key: string, listener: Listener): void {
    if (this.#listeners.get(key) === listener) this.#listeners.delete(key)
  }

  #notify(changed: ServicePortName): void {
    for (const watcher of this.#watchers) watcher(changed)
  }
}

/** Families in which clients may call it; a node port is there in those of its ClusterIPs. A headless one is not called. */
export function callableFamilies(servicePort: ServicePort, protocol: Protocol): ReadonlySet<IpFamily> {
  if (servicePort.protocol !== protocol || servicePort.clusterIps.length === 0) return new Set()
  return new Set([...servicePort.clusterIps, ...servicePort.externalIps].map(ipFamilyOf))
}

function keyOf(name: ServicePortName, family: IpFamily): string {
  return `${family} ${name}`
}
