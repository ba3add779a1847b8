import type { Logger, Readiness, ReadinessGate } from '@edgeway/core'

/** A gate as /readyz shows it. */
export interface GateState {
  readonly name: string
  /** Why it is shut; `undefined` while it is open. */
  readonly shut: string | undefined
}

/** The conditions under which the process is ready. Logs each time that the answer changes. */
export class ReadinessGates implements Readiness {
  readonly #logger: Logger
  readonly #gates = new Map<string, string | undefined>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** True while every gate is open; false before the first one was added. */
  get ready(): boolean {
    return this.#gates.size > 0 && this.#gates.values().every((shut) => shut === undefined)
  }

  /** In the order in which they were added. */
  states(): readonly GateState[] {
    return [...this.#gates].map(([name, shut]) => ({ name, shut }))
  }

  /** @throws {Error} when the name is taken: two owners would contradict one another */
  gate(name: string): ReadinessGate {
    if (this.#gates.has(name)) throw new Error(`readiness gate ${name} exists already`)
    this.#set(name, 'not there yet')
    return { open: () => this.#set(name, undefined), shut: (reason) => this.#set(name, reason) }
  }

  #set(name: string, shut: string | undefined): void {
    const before = this.ready
    this.#gates.set(name, shut)
    if (before === this.ready) return
    if (this.ready) this.#logger.info('the process is ready')
    else this.#logger.warn('the process is not ready any more', { gate: name, reason: shut })
  }
}
