import { TokenBucket, type TokenBucketOptions } from '../token-bucket.ts'

/** Runs something when it is woken: at once as a rule, later and once for all when it is woken again and again. */
export class WakeLimit implements Disposable {
  readonly #run: () => void
  readonly #bucket: TokenBucket
  #timer: NodeJS.Timeout | undefined

  constructor(run: () => void, options: TokenBucketOptions) {
    this.#run = run
    this.#bucket = new TokenBucket(options)
  }

  wake(): void {
    if (this.#timer !== undefined) return
    if (this.#bucket.take()) this.#run()
    else this.#timer = setTimeout(() => this.#late(), Math.ceil(this.#bucket.waitMs()))
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #late(): void {
    this.#timer = undefined
    this.wake()
  }
}
