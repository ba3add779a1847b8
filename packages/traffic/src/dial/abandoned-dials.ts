const MAX_DIALS = 256

/**
 * Dials whose clients have left, within bounds: they go on until their time is over, since how they end tells of the
 * endpoint. One that swallows packets would else never be found out by clients that are less patient than the agent.
 */
export class AbandonedDials implements Disposable {
  readonly #dials = new Set<AbortController>()

  /**
   * @param cancel - ends the dial, at the stop
   * @returns false when there are too many already: the dial is to be ended
   */
  keep(cancel: AbortController, settled: Promise<unknown>): boolean {
    if (this.#dials.size >= MAX_DIALS) return false
    this.#dials.add(cancel)
    void settled.then(() => this.#dials.delete(cancel))
    return true
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#dials) cancel.abort(new Error('the agent stops'))
  }
}
