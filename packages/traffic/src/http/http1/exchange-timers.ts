import type { RequestPolicy } from '@edgeway/core'

type Limits = Pick<RequestPolicy, 'requestTimeoutMs' | 'perTryTimeoutMs'>

export interface TimedExchange {
  /** One try has had its time. */
  onTryTimeout(): void
  /** All tries together have had their time. */
  onTimeout(): void
}

/** Limits the time of a request and of each of its tries, as its Service wishes. */
export class ExchangeTimers {
  readonly #limits: Limits
  readonly #exchange: TimedExchange
  #overall: NodeJS.Timeout | undefined
  #perTry: NodeJS.Timeout | undefined

  private constructor(limits: Limits, exchange: TimedExchange) {
    this.#limits = limits
    this.#exchange = exchange
    if (limits.requestTimeoutMs !== undefined)
      this.#overall = setTimeout(() => exchange.onTimeout(), limits.requestTimeoutMs)
  }

  /** @returns `undefined` where nothing is limited: then it costs nothing */
  static for(limits: Limits, exchange: TimedExchange): ExchangeTimers | undefined {
    if (limits.requestTimeoutMs === undefined && limits.perTryTimeoutMs === undefined) return undefined
    return new ExchangeTimers(limits, exchange)
  }

  /** The request has been sent. */
  beginTry(): void {
    if (this.#limits.perTryTimeoutMs === undefined) return
    clearTimeout(this.#perTry)
    this.#perTry = setTimeout(() => this.#exchange.onTryTimeout(), this.#limits.perTryTimeoutMs)
  }

  /** The head of the response has come, or none will. */
  endTry(): void {
    clearTimeout(this.#perTry)
  }

  end(): void {
    clearTimeout(this.#perTry)
    clearTimeout(this.#overall)
  }
}
