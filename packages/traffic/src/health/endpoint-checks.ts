import {
  DialError,
  type Dialer,
  type DialFailure,
  type EndpointAddress,
  type ServicePortName,
} from '@edgeway/core'

export interface EndpointChecksOptions {
  readonly dialTimeoutMs: number
  /** At one time; others wait for their turn. */
  readonly maxConcurrentChecks: number
}

/** Connects to an endpoint and hangs up. Resolves with why it could not be connected to; never rejects. */
export type CheckEndpoint = (
  service: ServicePortName,
  endpoint: EndpointAddress,
) => Promise<DialFailure | undefined>

/** Sees whether endpoints answer, so many at a time, by whatever path leads to them. */
export class EndpointChecks implements AsyncDisposable {
  readonly #options: EndpointChecksOptions
  readonly #dialer: Dialer
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #waiting: (() => void)[] = []

  constructor(options: EndpointChecksOptions, dialer: Dialer) {
    this.#options = options
    this.#dialer = dialer
  }

  readonly check: CheckEndpoint = async (service, endpoint) => {
    if (this.#running.size >= this.#options.maxConcurrentChecks)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    const dialled = this.#dial(service, endpoint)
    this.#running.add(dialled)
    const failure = await dialled
    this.#running.delete(dialled)
    this.#waiting.shift()?.()
    return failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    for (const next of this.#waiting.splice(0)) next()
    await Promise.all(this.#running)
  }

  async #dial(service: ServicePortName, endpoint: EndpointAddress): Promise<DialFailure | undefined> {
    const timeout = AbortSignal.timeout(this.#options.dialTimeoutMs)
    try {
      const signal = AbortSignal.any([timeout, this.#stop.signal])
      const { stream } = await this.#dialer.dial({ endpoint, service }, signal)
      // Not a reset, which would be an error to a server behind plain TCP.
      stream.destroy()
      return undefined
    } catch (error) {
      if (timeout.aborted) return 'timeout'
      return error instanceof DialError ? error.failure : 'unreachable'
    }
  }
}
