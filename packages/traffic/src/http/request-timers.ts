import type { RequestPolicy } from '@edgeway/core'
import type { Timers } from '../timers.ts'

type Limits = Pick<RequestPolicy, 'requestTimeoutMs' | 'perTryTimeoutMs'>

export interface TimedRequest {
  /** One try has had its time. */
  onTryTimeout(): void
  /** All tries together have had their time. */
  onTimeout(): void
}

/** Limits the time of a request and of each of its tries, as its Service wishes. */
export class RequestTimers {
  readonly #limits: Limits
  readonly #request: TimedRequest
  readonly #timers: Pick<Timers, 'after'>
  readonly #overall: Disposable | undefined
  #perTry: Disposable | undefined

  private constructor(limits: Limits, request: TimedRequest, timers: Pick<Timers, 'after'>) {
    this.#limits = limits
    this.#request = request
    this.#timers = timers
    if (limits.requestTimeoutMs !== undefined)
      this.#overall = timers.after(limits.requestTimeoutMs, () => request.onTimeout())
  }

  /** @returns `undefined` where nothing is limited: then it costs nothing */
  static for(
    limits: Limits,
    request: TimedRequest,
    timers: Pick<Timers, 'after'>,
  ): RequestTimers | undefined {
    if (limits.requestTimeoutMs === undefined && limits.perTryTimeoutMs === undefined) return undefined
    return new RequestTimers(limits, request, timers)
  }

  /** The request has been sent. */
  beginTry(): void {
    this.endTry()
    if (this.#limits.perTryTimeoutMs !== undefined)
      this.#perTry = this.#timers.after(this.#limits.perTryTimeoutMs, () => this.#request.onTryTimeout())
  }

  /** The head of the response has come, or none will. */
  endTry(): void {
    this.#perTry?.[Symbol.dispose]()
  }

  end(): void {
    this.endTry()
    this.#overall?.[Symbol.dispose]()
  }
}
