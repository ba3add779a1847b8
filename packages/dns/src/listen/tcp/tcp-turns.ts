/**
 * How long queries over TCP are answered in one turn of the event loop, in milliseconds: all else that this process does
 * has to wait for them.
 */
const TURN_MS = 2

/** One step of work; may ask for the next one. */
export type Step = () => void

/**
 * Has the connections answer their queries one by one, each in its turn, and only for a while in each turn of the event
 * loop: whoever sends more than can be answered holds up only its own.
 */
export class TcpTurns {
  readonly #now: () => number
  /** The next one first. */
  readonly #waiting = new Set<Step>()
  #isRunning = false
  /** `undefined` until the first step of a turn. */
  #endsAt: number | undefined

  /** @param now - in milliseconds, from any start on, never backwards */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Has `step` called once, at once where this turn has time left, after those that others asked for before. */
  request(step: Step): void {
    this.#waiting.add(step)
    if (!this.#isRunning) this.#run()
  }

  #run(): void {
    const endsAt = this.#endsAt ?? this.#begin()
    this.#isRunning = true
    for (const step of this.#waiting) {
      if (this.#now() >= endsAt) break
      // One that asks for another step comes last.
      this.#waiting.delete(step)
      step()
    }
    this.#isRunning = false
  }

  /** @returns when the turn ends */
  #begin(): number {
    this.#endsAt = this.#now() + TURN_MS
    setImmediate(() => {
      this.#endsAt = undefined
      if (this.#waiting.size > 0) this.#run()
    })
    return this.#endsAt
  }
}
