/** A flow from the moment that its node has taken it on. */
export interface OpenFlow {
  /** Resolves when nothing of the flow is left; never rejects. */
  readonly ended: Promise<void>
  /** Ends it now, whatever it is at. */
  cut(): void
  /** Takes nothing new on, and ends when what it is at is over. Absent where a flow is one thing only. */
  drain?(): void
}

/** The flows of a node that are open; drains them at the end. */
export class OpenFlows {
  readonly #flows = new Set<OpenFlow>()

  add(flow: OpenFlow): void {
    this.#flows.add(flow)
    void flow.ended.then(() => this.#flows.delete(flow))
  }

  /** Waits for the flows to end by themselves, and cuts those that are still open after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    for (const flow of this.#flows) flow.drain?.()
    const late = setTimeout(() => {
      for (const flow of this.#flows) flow.cut()
    }, timeoutMs)
    await Promise.all([...this.#flows].map(({ ended }) => ended))
    clearTimeout(late)
  }
}
