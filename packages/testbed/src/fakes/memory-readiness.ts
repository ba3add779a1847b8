import type { Readiness, ReadinessGate } from '@edgeway/core'

/** Readiness that tests can read back. */
export class MemoryReadiness implements Readiness {
  readonly #shut = new Set<string>()

  /** Names of the gates that are shut now. */
  get shut(): readonly string[] {
    return [...this.#shut]
  }

  gate(name: string): ReadinessGate {
    this.#shut.add(name)
    return { open: () => void this.#shut.delete(name), shut: () => void this.#shut.add(name) }
  }
}
