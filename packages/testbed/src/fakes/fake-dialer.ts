import { type Duplex, duplexPair } from 'node:stream'
import {
  DialError,
  type Dialer,
  type DialTarget,
  type EndpointConnection,
  formatEndpoint,
  type Path,
} from '@edgeway/core'

/** What an Endpoint has in hand of a connection to it. */
export interface FarEnd {
  readonly stream: Duplex
  reset(): void
}

/** What becomes of dials to an Endpoint: connected and served, refused, refused for good, or no answer at all. */
export type FakeAnswer = ((far: FarEnd) => void | Promise<void>) | 'refuse' | 'refuse-for-good' | 'silent'

type Target = Parameters<typeof formatEndpoint>[0]

/**
 * A Dialer without a network: connections are pairs of streams in memory. What no answer was set for refuses. Passes
 * `dialerContract`.
 */
export class FakeDialer implements Dialer {
  /** Every dial so far, in order. */
  readonly dialled: DialTarget[] = []
  readonly #path: Path
  readonly #answers = new Map<string, FakeAnswer>()

  constructor(path: Path = 'relayed') {
    this.#path = path
  }

  set(endpoint: Target, answer: FakeAnswer): void {
    this.#answers.set(formatEndpoint(endpoint), answer)
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    this.dialled.push(target)
    signal.throwIfAborted()
    const { endpoint } = target
    const answer = this.#answers.get(formatEndpoint(endpoint)) ?? 'refuse'
    if (answer === 'silent') return await aborted(signal)
    // As in a network, the answer is not there at once.
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), aborted(signal)])
    if (answer === 'refuse')
      throw new DialError(endpoint, { failure: 'refused', reason: 'refused by the fake' })
    if (answer === 'refuse-for-good')
      throw new DialError(endpoint, { failure: 'rejected', reason: 'refused by the fake', retryable: false })
    const [near, far] = pairOfEnds()
    void answer(far)
    return { path: this.#path, ...near }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  // The one that lost the race against an answer is nobody's concern any more.
  promise.catch(() => {})
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

function pairOfEnds(): [FarEnd, FarEnd] {
  const [near, far] = duplexPair()
  // A reset must not end the test's process when an end is not looked at.
  for (const end of [near, far]) end.on('error', () => {})
  return [
    { stream: near, reset: () => reset(near, far) },
    { stream: far, reset: () => reset(far, near) },
  ]
}

function reset(own: Duplex, other: Duplex): void {
  own.destroy()
  other.destroy(Object.assign(new Error('reset by the other end'), { code: 'ECONNRESET' }))
}
