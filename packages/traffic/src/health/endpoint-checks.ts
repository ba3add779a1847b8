import {
  DialError,
  type Dialer,
  type DialFailure,
  type EndpointAddress,
  type EndpointConnection,
  type ServicePortName,
} from '@edgeway/core'

export interface EndpointChecksOptions {
  /** For one endpoint. */
  readonly checkTimeoutMs: number
  /** At one time; others wait for their turn. */
  readonly maxConcurrentChecks: number
}

/** Connects to an endpoint and hangs up. Resolves with why it could not be connected to; never rejects. */
export type CheckEndpoint = (
  service: ServicePortName,
  endpoint: EndpointAddress,
) => Promise<DialFailure | undefined>

/** An endpoint that speaks first has so long to hang up, too; then it is cut off. */
const HANG_UP_MS = 1_000

/**
 * Sees whether endpoints answer, by whatever path leads to them: so many at a time, and ServicePorts by turns, so that one
 * with many dead endpoints does not hold up the others.
 */
export class EndpointChecks implements AsyncDisposable {
  readonly #options: EndpointChecksOptions
  readonly #dialer: Dialer
  readonly #stop = new AbortController()
  readonly #waiting = new Map<ServicePortName, (() => void)[]>()
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: EndpointChecksOptions, dialer: Dialer) {
    this.#options = options
    this.#dialer = dialer
  }

  readonly check: CheckEndpoint = (service, endpoint) => {
    const { promise, resolve } = Promise.withResolvers<DialFailure | undefined>()
    const start = (): void => {
      const dialled = this.#dial(service, endpoint)
      this.#running.add(dialled)
      void dialled.then((failure) => {
        this.#running.delete(dialled)
        resolve(failure)
        this.#startNext()
      })
    }
    if (this.#running.size < this.#options.maxConcurrentChecks) start()
    else this.#waiting.set(service, [...(this.#waiting.get(service) ?? []), start])
    return promise
  }

  /** Those that wait are told that the endpoint can't be reached. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    while (this.#waiting.size > 0) this.#startNext()
    await Promise.all(this.#running)
  }

  #startNext(): void {
    const [next] = this.#waiting
    if (next === undefined) return
    const [service, [start, ...others]] = next
    this.#waiting.delete(service)
    // Behind all others.
    if (others.length > 0) this.#waiting.set(service, others)
    start?.()
  }

  async #dial(service: ServicePortName, endpoint: EndpointAddress): Promise<DialFailure | undefined> {
    const timeout = AbortSignal.timeout(this.#options.checkTimeoutMs)
    try {
      const signal = AbortSignal.any([timeout, this.#stop.signal])
      hangUp(await this.#dialer.dial({ endpoint, service }, signal))
      return undefined
    } catch (error) {
      if (timeout.aborted) return 'timeout'
      return error instanceof DialError ? error.failure : 'unreachable'
    }
  }
}

/** By an ordinary end: a reset would be an error to the server, and unread bytes would make the kernel send one. */
function hangUp({ stream }: EndpointConnection): void {
  const late = setTimeout(() => stream.destroy(), HANG_UP_MS).unref()
  stream.on('error', () => {})
  stream.on('close', () => clearTimeout(late))
  stream.resume().end()
}
