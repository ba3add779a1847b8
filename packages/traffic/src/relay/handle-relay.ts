import { Socket } from 'node:net'
import type { FinSender } from '../kernel/fin-sender.ts'
import { BusyReaders } from './busy-readers.ts'
import type { HandleBinding } from './handle-binding.ts'
import { type HandleEnd, HandleSide, type SideEvents } from './handle-side.ts'
import { LINGER_MS } from './linger.ts'
import type { CarriedFlow, Promotion } from './promotion.ts'
import { ReadBuffers } from './read-buffers.ts'
import { RelayDeadlines } from './relay-deadlines.ts'
import type { FlowEnd, Relay, RelayEngine, RelayLimits, RelayOutcome } from './relay-engine.ts'

export interface HandleRelayDeps {
  readonly binding: HandleBinding
  readonly fin: FinSender
  /** `undefined`: a flow stays what it is. */
  readonly promotion: Promotion | undefined
  /** For ends that are no plain TCP connections, or have bytes to write yet. */
  readonly fallback: RelayEngine
}

/**
 * Relays between two plain TCP connections below the streams, by libuv's handles: a bit more than half of the work, and
 * memory for reads only where something is read. Flows that turn out to be bulk are promoted, where that is wanted.
 */
export class HandleRelay implements RelayEngine {
  readonly name = 'handle'
  readonly #deps: HandleRelayDeps
  readonly #buffers = new ReadBuffers()
  readonly #busy = new BusyReaders()

  constructor(deps: HandleRelayDeps) {
    this.#deps = deps
  }

  /** Connections that hold a read buffer of their own just now. */
  get busyConnections(): number {
    return this.#busy.size
  }

  relay(client: FlowEnd, endpoint: FlowEnd, limits: RelayLimits): Relay {
    const { binding, fin, promotion, fallback } = this.#deps
    const [a, b] = [handleEndOf(client, binding), handleEndOf(endpoint, binding)]
    if (a === undefined || b === undefined) return fallback.relay(client, endpoint, limits)
    return new HandleFlow(
      { client: a, endpoint: b, limits },
      { binding, fin, promotion, buffers: this.#buffers, busy: this.#busy },
    )
  }
}

function handleEndOf(end: FlowEnd, binding: HandleBinding): HandleEnd | undefined {
  const socket = end.stream
  if (!(socket instanceof Socket) || socket.destroyed || socket.writableEnded || socket.writableLength > 0)
    return
  const handle = binding.handleOf(socket)
  return handle === undefined || handle.writeQueueSize > 0 ? undefined : { end, socket, handle }
}

interface FlowParts {
  readonly client: HandleEnd
  readonly endpoint: HandleEnd
  readonly limits: RelayLimits
}

interface FlowDeps extends Omit<HandleRelayDeps, 'fallback'> {
  readonly buffers: ReadBuffers
  readonly busy: BusyReaders
}

class HandleFlow implements Relay, SideEvents {
  readonly ended: Promise<RelayOutcome>
  readonly #resolve: (outcome: RelayOutcome) => void
  readonly #client: HandleSide
  readonly #endpoint: HandleSide
  readonly #deadlines: RelayDeadlines
  #promotion: Promotion | undefined
  #carried: CarriedFlow | undefined
  #outcome: RelayOutcome = 'completed'
  #linger: NodeJS.Timeout | undefined
  /** Runs while an endpoint that takes nothing more is read to its end. */
  #lastWords: NodeJS.Timeout | undefined
  #isOver = false

  constructor({ client, endpoint, limits }: FlowParts, { promotion, ...given }: FlowDeps) {
    const { promise, resolve } = Promise.withResolvers<RelayOutcome>()
    this.ended = promise
    this.#resolve = resolve
    this.#promotion = promotion
    const deps = { ...given, events: this }
    this.#client = new HandleSide(client, deps)
    this.#endpoint = new HandleSide(endpoint, deps)
    this.#deadlines = new RelayDeadlines(limits, this)
    this.#client.join(this.#endpoint)
    this.#endpoint.join(this.#client)
    this.onForwarded(this.#client)
    this.onForwarded(this.#endpoint)
  }

  get bytesSent(): number {
    return this.#carried?.bytesSent ?? this.#client.bytes
  }

  get bytesReceived(): number {
    return this.#carried?.bytesReceived ?? this.#endpoint.bytes
  }

  get bytes(): number {
    return this.bytesSent + this.bytesReceived
  }

  cut(): void {
    this.expire('cut')
  }

  expire(outcome: Extract<RelayOutcome, 'idle-timeout' | 'max-duration' | 'cut'>): void {
    if (this.#carried === undefined) {
      this.#fail(outcome)
      // It may have failed before and linger.
      this.#resetBoth()
    } else {
      if (this.#outcome === 'completed') this.#outcome = outcome
      this.#carried.cut()
    }
  }

  onEnd(side: HandleSide): void {
    if (this.#linger === undefined) this.#otherOf(side).finish()
    else if (isDone(side)) this.#close()
    if (this.#lastWords !== undefined && side === this.#endpoint) this.onBroken(side)
  }

  onBroken(side: HandleSide): void {
    this.#fail(side === this.#client ? 'client-reset' : 'endpoint-reset')
  }

  /** An endpoint may have answered before: what it sent, and its end, still wait to be read. */
  onUnwritable(side: HandleSide): void {
    const mayHaveAnswered = side === this.#endpoint && !side.hasEnded && !side.socket.destroyed
    if (!mayHaveAnswered || this.#outcome !== 'completed') {
      this.onBroken(side)
      return
    }
    if (this.#lastWords !== undefined) return
    this.#client.drop()
    this.#lastWords = setTimeout(() => this.onBroken(side), LINGER_MS)
    side.readOn()
  }

  onForwarded(side: HandleSide): void {
    if (this.#carried !== undefined || this.#promote()) return
    side.readOn()
  }

  onFinished(side: HandleSide): void {
    const other = this.#otherOf(side)
    // A client that reads the last answer of a dead endpoint ends alone.
    if (isDone(side) && (isDone(other) || this.#linger !== undefined)) this.#close()
  }

  onClosed(side: HandleSide): void {
    if (this.#carried !== undefined) return
    if (!isDone(side)) this.onBroken(side)
    if (this.#client.isClosed && this.#endpoint.isClosed) this.#finish()
  }

  #otherOf(side: HandleSide): HandleSide {
    return side === this.#client ? this.#endpoint : this.#client
  }

  #fail(outcome: Exclude<RelayOutcome, 'completed'>): void {
    if (this.#outcome !== 'completed' || this.#isOver) return
    this.#outcome = outcome
    clearTimeout(this.#lastWords)
    const hasAnswered = outcome === 'endpoint-reset' && this.#endpoint.hasEnded
    if (hasAnswered && !this.#client.socket.destroyed) this.#lingerForClient()
    else this.#resetBoth()
  }

  #lingerForClient(): void {
    if (!this.#endpoint.socket.destroyed) this.#endpoint.end.reset()
    if (isDone(this.#client)) {
      this.#close()
      return
    }
    // Bytes left unread would make the kernel reset the connection on its own: they are read and dropped.
    this.#client.drop()
    this.#linger = setTimeout(() => this.#resetBoth(), LINGER_MS)
  }

  #resetBoth(): void {
    for (const { socket, end } of [this.#client, this.#endpoint]) if (!socket.destroyed) end.reset()
  }

  #close(): void {
    this.#client.socket.destroy()
    this.#endpoint.socket.destroy()
  }

  /** Hands the flow over if it is bulk, and nothing of it is under way just now. */
  #promote(): boolean {
    const promotion = this.#promotion
    if (promotion === undefined || this.bytes < promotion.afterBytes || !this.#isQuiet()) return false
    if (!promotion.carrier.isReady) return false
    const [client, endpoint] = [this.#client.socket, this.#endpoint.socket]
    const { bytesSent, bytesReceived } = this
    const carried = promotion.carrier.carry({ client, endpoint, bytesSent, bytesReceived })
    if (carried === undefined) {
      this.#promotion = undefined
      return false
    }
    this.#carried = carried
    void carried.ended.then((outcome) => {
      if (this.#outcome === 'completed' || outcome !== 'cut') this.#outcome = outcome
      this.#finish()
    })
    return true
  }

  #isQuiet(): boolean {
    const [a, b] = [this.#client, this.#endpoint]
    if (
      this.#outcome !== 'completed' ||
      this.#lastWords !== undefined ||
      a.hasEnded ||
      b.hasEnded ||
      a.isWriting ||
      b.isWriting
    )
      return false
    return !a.socket.destroyed && !b.socket.destroyed
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#linger)
    clearTimeout(this.#lastWords)
    this.#deadlines[Symbol.dispose]()
    this.#resolve(this.#outcome)
  }
}

/** True when both directions of a connection have ended properly. */
function isDone(side: HandleSide): boolean {
  return side.hasEnded && side.isFinished
}
