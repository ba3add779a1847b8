import type { Duplex } from 'node:stream'
import { LINGER_MS } from './linger.ts'
import { RelayDeadlines } from './relay-deadlines.ts'
import type { FlowEnd, Relay, RelayEngine, RelayLimits, RelayOutcome } from './relay-engine.ts'

/**
 * Relays by the public API of streams: any two ends, sockets or not.
 *
 * HOT PATH: per chunk it adds to a counter and writes; nothing is allocated. A stopped reader stops the sender once
 * the buffers of both streams are full, 64 KiB each beside what the kernel holds.
 */
export class StreamRelay implements RelayEngine {
  readonly name = 'stream'

  relay(client: FlowEnd, endpoint: FlowEnd, limits: RelayLimits): Relay {
    return new TwoWayCopy(client, endpoint, limits)
  }
}

class TwoWayCopy implements Relay {
  bytesSent = 0
  bytesReceived = 0
  readonly ended: Promise<RelayOutcome>
  readonly #client: FlowEnd
  readonly #endpoint: FlowEnd
  readonly #resolve: (outcome: RelayOutcome) => void
  readonly #deadlines: RelayDeadlines
  #outcome: RelayOutcome = 'completed'
  #open = 2
  #linger: NodeJS.Timeout | undefined

  constructor(client: FlowEnd, endpoint: FlowEnd, limits: RelayLimits) {
    const { promise, resolve } = Promise.withResolvers<RelayOutcome>()
    this.ended = promise
    this.#resolve = resolve
    this.#client = client
    this.#endpoint = endpoint
    this.#deadlines = new RelayDeadlines(limits, this)
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

  get bytes(): number {
    return this.bytesSent + this.bytesReceived
  }

  cut(): void {
    this.expire('cut')
  }

  expire(outcome: Extract<RelayOutcome, 'idle-timeout' | 'max-duration' | 'cut'>): void {
    this.#fail(outcome)
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

  #fail(outcome: Exclude<RelayOutcome, 'completed'>): void {
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
    this.#deadlines[Symbol.dispose]()
    this.#resolve(this.#outcome)
  }
}

/** True when both directions of a closed stream had ended properly. */
function isDone(stream: Duplex): boolean {
  return stream.readableEnded && stream.writableFinished
}
