import type { IpFamily, ListenerAddress, ListenerDirectory, ServicePortName } from '@edgeway/core'
import { ipFamilyOf } from '@edgeway/core'

/** A ListenerDirectory that tests fill by hand. */
export class FakeListenerDirectory implements ListenerDirectory {
  readonly #listeners = new Map<string, ListenerAddress>()
  readonly #watchers = new Set<(changed: ServicePortName) => void>()

  set(name: ServicePortName, address: ListenerAddress): void {
    this.#listeners.set(`${name} ${ipFamilyOf(address.ip)}`, address)
    this.#tell(name)
  }

  /** The listeners of both families go away. */
  delete(name: ServicePortName): void {
    for (const family of ['IPv4', 'IPv6']) this.#listeners.delete(`${name} ${family}`)
    this.#tell(name)
  }

  listener(name: ServicePortName, family: IpFamily): ListenerAddress | undefined {
    return this.#listeners.get(`${name} ${family}`)
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    this.#watchers.add(listener)
    return { [Symbol.dispose]: () => void this.#watchers.delete(listener) }
  }

  #tell(name: ServicePortName): void {
    for (const watcher of this.#watchers) watcher(name)
  }
}
