import type { StatusBoard } from '@edgeway/core'

/** A StatusBoard that tests read. */
export class MemoryStatus implements StatusBoard {
  readonly #sections = new Map<string, () => unknown>()

  section(name: string, read: () => unknown): void {
    this.#sections.set(name, read)
  }

  /** What that section says now, as a reader of /statusz would get it. */
  read(name: string): unknown {
    return JSON.parse(JSON.stringify(this.#sections.get(name)?.() ?? null))
  }
}
