import type { Duplex } from 'node:stream'

/** One end of a flow: its byte stream, and the way to reset it rather than end it. */
export interface FlowEnd {
  readonly stream: Duplex
  reset(): void
}

/** How a spliced flow ended: both ends were done, one of them reset or broke off, or it was cut from outside. */
export type SpliceOutcome = 'completed' | 'client-reset' | 'endpoint-reset' | 'cut'

export interface Splice {
  /** Bytes from the client to the endpoint, so far. */
  readonly bytesSent: number
  /** Bytes from the endpoint to the client, so far. */
  readonly bytesReceived: number
  /** Resolves once both ends are closed; never rejects. */
  readonly ended: Promise<SpliceOutcome>
  /** Resets both ends now. */
  cut(): void
}

/**
 * For so long a client may read the answer of an endpoint that ended its sending, and then reset. A server that
 * answers before it read the whole request (an early HTTP error) does so, and the answer has to outrun the reset.
 */
const LINGER_MS = 1_000

/**
 * Joins the two ends of a flow: bytes go both ways with back-pressure, the end of one direction is passed on while the
 * other goes on, and a reset of one end resets the other. Owns both ends from the call on.
 *
 * HOT PATH: per chunk it adds to a counter and writes; nothing is allocated. A stopped reader stops the sender once
 * the buffers of both streams are full, 64 KiB each beside what the kernel holds.
 */
export function splice(client: FlowEnd, endpoint: FlowEnd): Splice {
  return new TwoWayCopy(client, endpoint)
}

class TwoWayCopy implements Splice {
  bytesSent = 0
  bytesReceived = 0
  readonly ended: Promise<SpliceOutcome>
  readonly #client: FlowEnd
  readonly #endpoint: FlowEnd
  readonly #resolve: (outcome: SpliceOutcome) => void
  #outcome: SpliceOutcome = 'completed'
  #open = 2
  #linger: NodeJS.Timeout | undefined

  constructor(client: FlowEnd, endpoint: FlowEnd) {
    const { promise, resolve } = Promise.withResolvers<SpliceOutcome>()
    this.ended = promise
    this.#resolve = resolve
    this.#client = client
    this.#endpoint = endpoint
    this.#watch(client, endpoint, () => this.#fail('client-reset'))
    this.#watch(endpoint, client, () => this.#fail('endpoint-reset'))
    const [a, b] = [client.stream, endpoint.stream]
    a.on('data', (chunk: Buffer) => {
      this.bytesSent += chunk.length
      if (!b.write(chunk)) a.pause()
    })
    b.on('data', (chunk: Buffer) => {
      this.bytesReceived += chunk.length
      if (!a.write(chunk)) b.pause()
    })
    // Flowing only from here on: a stream that was paused to wait for its other end stays so otherwise.
    a.resume()
    b.resume()
  }

  cut(): void {
    this.#fail('cut')
    // It may have failed before and linger.
    this.#resetBoth()
  }

  #watch({ stream }: FlowEnd, other: FlowEnd, onBroken: () => void): void {
    stream.on('drain', () => other.stream.resume())
    stream.on('end', () => other.stream.end())
    stream.on('error', onBroken)
    stream.on('close', () => {
      if (!isDone(stream)) onBroken()
      this.#closed()
    })
    // It may have ended its sending, or died, before it was joined; its events are past then.
    if (stream.readableEnded) other.stream.end()
    if (stream.closed) this.#open -= 1
    if (stream.destroyed) queueMicrotask(onBroken)
  }

  #fail(outcome: Exclude<SpliceOutcome, 'completed'>): void {
    if (this.#outcome !== 'completed') return
    this.#outcome = outcome
    const hasAnswered = outcome === 'endpoint-reset' && this.#endpoint.stream.readableEnded
    if (hasAnswered && !this.#client.stream.destroyed) this.#lingerForClient()
    else this.#resetBoth()
  }

  #lingerForClient(): void {
    if (!this.#endpoint.stream.destroyed) this.#endpoint.reset()
    // Bytes left unread would make the kernel reset the connection on its own: they are read and dropped.
    this.#client.stream.removeAllListeners('data').resume()
    this.#linger = setTimeout(() => this.#resetBoth(), LINGER_MS)
  }

  #resetBoth(): void {
    for (const end of [this.#client, this.#endpoint]) if (!end.stream.destroyed) end.reset()
    if (this.#open === 0) this.#finish()
  }

  #closed(): void {
    this.#open -= 1
    if (this.#open === 0) this.#finish()
  }

  #finish(): void {
    clearTimeout(this.#linger)
    this.#resolve(this.#outcome)
  }
}

/** True when both directions of a closed stream had ended properly. */
function isDone(stream: Duplex): boolean {
  return stream.readableEnded && stream.writableFinished
}
