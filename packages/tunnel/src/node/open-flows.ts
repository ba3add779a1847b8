import type { Duplex } from 'node:stream'

/** The flows that are open now, of both directions, so that a stopping tunnel can wait for them. */
export class OpenFlows {
  readonly #streams = new Set<Duplex>()
  #emptied: (() => void) | undefined

  add(stream: Duplex): void {
    this.#streams.add(stream)
    stream.once('close', () => {
      this.#streams.delete(stream)
      if (this.#streams.size === 0) this.#emptied?.()
    })
  }

  /** Resolves when no flow is open any more, after `timeoutMs` at the latest. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#streams.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#emptied = resolve
    const timer = setTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
  }
}
