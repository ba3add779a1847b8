/**
 * The time for which a listener keeps its port after its ServicePort has gone, serving nobody: an old rule may still lead
 * there, and the kernel must not give the port to another ServicePort.
 */
export class Retirement implements Disposable {
  #timer: NodeJS.Timeout | undefined

  get hasBegun(): boolean {
    return this.#timer !== undefined
  }

  /** Does nothing when it runs already. */
  begin(durationMs: number, then: () => void): void {
    this.#timer ??= setTimeout(then, durationMs)
  }

  /** Takes it back. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Nothing more happens; one that has begun counts as such. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
