import type { StatusBoard } from '@edgeway/core'

/** The sections of /statusz. */
export class StatusSections implements StatusBoard {
  readonly #sections = new Map<string, () => unknown>()

  /** @throws {Error} when the name is taken: two owners would contradict one another */
  section(name: string, read: () => unknown): void {
    if (this.#sections.has(name)) throw new Error(`status section ${name} exists already`)
    this.#sections.set(name, read)
  }

  /** All sections as they are now, in the order in which they were added. */
  read(): Readonly<Record<string, unknown>> {
    return Object.fromEntries([...this.#sections].map(([name, read]) => [name, read()]))
  }
}
