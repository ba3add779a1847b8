import type { ServiceDirectory, ServicePortName } from '@edgeway/core'
import { lineOfPort } from './view.ts'

/**
 * Keeps a copy of all ServicePorts by what it is told of them, as the proxier does: notes what has changed and looks at it
 * later. While it is paused it looks at nothing.
 */
export class PausableConsumer implements Disposable {
  readonly #services: ServiceDirectory
  readonly #subscription: Disposable
  readonly #lines = new Map<string, string>()
  readonly #pending = new Set<ServicePortName>()
  #isPaused = false
  #isWaiting = false

  constructor(services: ServiceDirectory) {
    this.#services = services
    this.#subscription = services.watch((changed) => {
      this.#pending.add(changed)
      this.#look()
    })
    for (const { name } of services.servicePorts())
      this.#lines.set(`port ${name}`, lineOfPort(services, name))
  }

  /** As it knows them. */
  get lines(): ReadonlyMap<string, string> {
    return this.#lines
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#look()
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    this.#pending.clear()
  }

  #look(): void {
    if (this.#isPaused || this.#isWaiting || this.#pending.size === 0) return
    this.#isWaiting = true
    setImmediate(() => {
      this.#isWaiting = false
      if (this.#isPaused) return
      for (const name of this.#pending) this.#take(name)
      this.#pending.clear()
    })
  }

  #take(name: ServicePortName): void {
    const line = lineOfPort(this.#services, name)
    if (line === '') this.#lines.delete(`port ${name}`)
    else this.#lines.set(`port ${name}`, line)
  }
}
