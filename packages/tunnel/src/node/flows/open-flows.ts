import type { Duplex } from 'node:stream'

/** The flows that are open now, of both directions, so that a stopping tunnel can wait for them. */
export class OpenFlows {
  readonly #streams = new Set<Duplex>()
  #emptied: (() => void) | undefined
  #isDrained = false

  /** A flow that comes after the draining is reset. */
  add(stream: Duplex): void {
    if (this.#isDrained) stream.destroy()
    if (stream.closed) return
    this.#streams.add(stream)
    stream.once('close', () => {
      this.#streams.delete(stream)
      if (this.#streams.size === 0) this.#emptied?.()
    })
  }

  /** Waits for the flows to end, for `timeoutMs` at most, and resets the rest: cut off must not look like an end. */
  async drain(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#emptied = resolve
    if (this.#streams.size === 0) resolve()
    const timer = setTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
    this.#isDrained = true
    for (const stream of this.#streams) stream.destroy()
  }
}
