import type { ListenerAddress, ListenerDirectory, ServicePortName } from '@edgeway/core'

/** A ListenerDirectory that tests fill by hand. */
export class FakeListenerDirectory implements ListenerDirectory {
  readonly #listeners = new Map<ServicePortName, ListenerAddress>()
  readonly #watchers = new Set<(changed: ServicePortName) => void>()

  /** @param address - `undefined` for a listener that goes away */
  set(name: ServicePortName, address: ListenerAddress | undefined): void {
    if (address === undefined) this.#listeners.delete(name)
    else this.#listeners.set(name, address)
    for (const watcher of this.#watchers) watcher(name)
  }

  listener(name: ServicePortName): ListenerAddress | undefined {
    return this.#listeners.get(name)
  }

  watch(listener: (changed: ServicePortName) => void): Disposable {
    this.#watchers.add(listener)
    return { [Symbol.dispose]: () => void this.#watchers.delete(listener) }
  }
}
