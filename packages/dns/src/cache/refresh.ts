import type { Answer } from '../handler.ts'

/** An answer that is asked for while an older one is at hand. */
export class Refresh {
  /** The answer; `undefined` when there is none or it takes too long. Never rejects. */
  readonly inTime: Promise<Answer | undefined>
  /** Resolves when the answer is there or will never be. Never rejects. */
  readonly finished: Promise<void>
  #isLate = false

  /**
   * @param ask - gets the answer
   * @param timeoutMs - how long `inTime` waits
   * @param onFinish - is told of the answer before anybody who waits for it, or of what `ask` rejected with
   */
  constructor(
    ask: () => Promise<Answer | undefined>,
    timeoutMs: number,
    onFinish: (outcome: Answer | Error | undefined) => void,
  ) {
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>()
    this.inTime = promise
    const timer = setTimeout(() => {
      this.#isLate = true
      resolve(undefined)
    }, timeoutMs)
    this.finished = ask()
      .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
      .then((outcome) => {
        clearTimeout(timer)
        onFinish(outcome)
        resolve(outcome instanceof Error ? undefined : outcome)
      })
  }

  /** Whether `inTime` has waited in vain. */
  get isLate(): boolean {
    return this.#isLate
  }
}
