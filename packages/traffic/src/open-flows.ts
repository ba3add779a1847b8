import type { Splice } from './splice.ts'

/** The spliced flows of a node that are open; drains them at the end. */
export class OpenFlows {
  readonly #splices = new Set<Splice>()

  add(flow: Splice): void {
    this.#splices.add(flow)
    void flow.ended.then(() => this.#splices.delete(flow))
  }

  /** Waits for the flows to end by themselves, and cuts those that are still open after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const cut = setTimeout(() => {
      for (const flow of this.#splices) flow.cut()
    }, timeoutMs)
    await Promise.all([...this.#splices].map(({ ended }) => ended))
    clearTimeout(cut)
  }
}
