import type { StatusBoard, StatusPage } from '@edgeway/core'

/** The sections of /statusz, and the pages beside it. */
export class StatusSections implements StatusBoard {
  readonly #sections = new Map<string, () => unknown>()
  readonly #pages = new Map<string, StatusPage>()

  /** @throws {Error} when the name is taken: two owners would contradict one another */
  section(name: string, read: () => unknown): void {
    if (this.#sections.has(name)) throw new Error(`status section ${name} exists already`)
    this.#sections.set(name, read)
  }

  /** @throws {Error} when the name is taken */
  page(name: string, page: StatusPage): void {
    if (this.#pages.has(name)) throw new Error(`status page ${name} exists already`)
    this.#pages.set(name, page)
  }

  /** The pages so far, by their names. */
  get pages(): ReadonlyMap<string, StatusPage> {
    return this.#pages
  }

  /** All sections as they are now, in the order in which they were added. */
  read(): Readonly<Record<string, unknown>> {
    return Object.fromEntries([...this.#sections].map(([name, read]) => [name, read()]))
  }
}
