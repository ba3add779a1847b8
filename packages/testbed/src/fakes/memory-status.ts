import type { StatusBoard, StatusPage } from '@edgeway/core'

/** A StatusBoard that tests read. */
export class MemoryStatus implements StatusBoard {
  readonly #sections = new Map<string, () => unknown>()
  readonly pages = new Map<string, StatusPage>()

  section(name: string, read: () => unknown): void {
    this.#sections.set(name, read)
  }

  page(name: string, page: StatusPage): void {
    this.pages.set(name, page)
  }

  /** What that section says now, as a reader of /statusz would get it. */
  read(name: string): unknown {
    return JSON.parse(JSON.stringify(this.#sections.get(name)?.() ?? null))
  }
}
