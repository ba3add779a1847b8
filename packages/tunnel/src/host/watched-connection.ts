import type { Connection } from '@libp2p/interface'
import { SilentConnectionError } from '../errors.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { Backlog } from './backlog.ts'
import { type Muxer, muxerOf, sendSignOfLife, type Transport, transportOf } from './connection-parts.ts'
import { isFrameComing, type Received } from './incoming-frame.ts'
import { type CircuitSilence, SIGN_OF_LIFE_MS, type Silence, smoothedRtt } from './silence.ts'
import type { TcpCounts } from './tcp-info.ts'

/** A stream that was sent to waits that long at most: many protocols answer nothing. */
const MAX_WAIT_MS = 30_000
/** Whoever received that much since it last said so says that it is alive. */
const MUCH_BYTES = 4096
/** Less at once is an answer of the multiplexer at most. */
const MIN_PART_BYTES = 64
const NOTHING: Received = { bytes: 0, at: Number.NEGATIVE_INFINITY }

/** One stream of a connection, as far as its waiting for the other side goes. */
export interface StreamActivity {
  /** Bytes were sent: an answer may follow. */
  sent(bytes: number): void
  /** Bytes came, or room for more. */
  received(): void
  ended(): void
}

/** What a connection does not know of itself. */
export interface SilenceContext {
  readonly isRelay: boolean
  readonly circuitWaitsSince: number | undefined
  /** The connection to the relay that a circuit goes through. */
  carrier(): WatchedConnection | undefined
}

interface Waiting {
  since: number
  lastSentAt: number
}

/** What is known of one connection's signs of life. Times are those of the caller's clock. */
export class WatchedConnection {
  readonly #connection: Connection
  readonly #muxer: Muxer
  readonly #transport: Transport
  readonly #waitingStreams = new Map<StreamActivity, Waiting>()
  #aliveAt: number
  #expectingSince: number | undefined
  #askedAt: number | undefined
  #rttMs: number | undefined
  #isSuspect = false
  #suspectAt: number | undefined
  #suspicion: AbortController | undefined
  #receivedBytes = 0
  #saidAliveAt: number
  #received = NOTHING
  /** What the relay had brought when this circuit gave its last sign of life. */
  #carrierBefore: { readonly aliveAt: number; readonly received: Received } | undefined
  readonly #backlog = new Backlog()
  readonly #acknowledgements = new Acknowledgements()

  /** Asks at once: yamux and the choice of relays go by the round-trip time. */
  constructor(connection: Connection, clock: () => number) {
    this.#connection = connection
    this.#muxer = muxerOf(connection)
    this.#transport = transportOf(connection)
    this.#aliveAt = this.#saidAliveAt = clock()
    this.#transport.addEventListener('message', ({ data }) => {
      const now = clock()
      this.#receivedBytes += data.byteLength
      const bytes = this.#received.bytes + data.byteLength
      this.#received = { bytes, at: data.byteLength < MIN_PART_BYTES ? this.#received.at : now }
      this.seen(now)
    })
    // A relayed or busy one takes more bytes only when some went away.
    this.#transport.addEventListener('drain', () => this.seen(clock()))
    this.ask(this.#aliveAt)
  }

  get rttMs(): number | undefined {
    return this.#rttMs
  }

  /** Since it is watched. */
  get received(): Received {
    return this.#received
  }

  get isSuspect(): boolean {
    return this.#isSuspect
  }

  /** When it was suspect last; `undefined` when it never was. */
  get suspectAt(): number | undefined {
    return this.#suspectAt
  }

  get suspicion(): AbortSignal {
    this.#suspicion ??= new AbortController()
    return this.#suspicion.signal
  }

  seen(now: number): void {
    this.#aliveAt = now
    this.#expectingSince = undefined
    this.#isSuspect = false
    this.#acknowledgements.startAnew()
  }

  expecting(now: number): void {
    this.#expectingSince ??= now
  }

  activity(clock: () => number): StreamActivity {
    const waiting = this.#waitingStreams
    const activity = {
      sent: (bytes: number): void => {
        const now = clock()
        this.#backlog.add(bytes, now)
        waiting.set(activity, { since: waiting.get(activity)?.since ?? now, lastSentAt: now })
      },
      received: (): void => void waiting.delete(activity),
      ended: (): void => void waiting.delete(activity),
    }
    return activity
  }

  /** Since when something has been waited for; `undefined` when nothing is. */
  waitingSince(now: number): number | undefined {
    let earliest = this.#expectingSince
    for (const [activity, { since, lastSentAt }] of this.#waitingStreams) {
      if (now - lastSentAt > MAX_WAIT_MS) this.#waitingStreams.delete(activity)
      else earliest = Math.min(since, earliest ?? since)
    }
    // Bytes that the network does not take want an answer, too.
    if (earliest === undefined && this.#hasUnsentBytes()) return this.#aliveAt
    return earliest
  }

  silence(now: number, context: SilenceContext): Silence {
    return {
      aliveAt: this.#aliveAt,
      waitingSince: this.waitingSince(now) ?? context.circuitWaitsSince,
      askedAt: this.#askedAt,
      rttMs: this.#rttMs,
      acknowledgedAt: this.#acknowledgements.at,
      isRelay: context.isRelay,
      circuit: this.#connection.direct ? undefined : this.#circuitSilence(context.carrier(), now),
    }
  }

  #circuitSilence(carrier: WatchedConnection | undefined, now: number): CircuitSilence {
    const received = carrier?.received ?? NOTHING
    if (this.#carrierBefore?.aliveAt !== this.#aliveAt)
      this.#carrierBefore = { aliveAt: this.#aliveAt, received }
    return {
      backlogBytes: this.#backlog.bytes(now),
      carrierRttMs: carrier?.rttMs,
      isFrameComing: isFrameComing(this.#carrierBefore.received, received, now),
      carrierSuspectAt: carrier?.suspectAt,
    }
  }

  /** Does nothing while a question is open. */
  ask(now: number): void {
    if (this.#askedAt !== undefined || this.#connection.status !== 'open') return
    this.#askedAt = now
    this.#backlog.asked()
    const sentAt = performance.now()
    this.#muxer.ping().then(
      () => {
        this.#askedAt = undefined
        this.#backlog.answered()
        this.#rttMs = smoothedRtt(this.#rttMs, performance.now() - sentAt)
      },
      // The multiplexer is about to close: what is left of the connection ends without questions.
      () => {},
    )
  }

  /** @param counts - the kernel's, where it has a TCP socket of its own */
  suspect(now: number, counts: TcpCounts | undefined): void {
    this.#isSuspect = true
    this.#suspectAt = now
    this.raiseSuspicion()
    if (counts !== undefined) this.#acknowledgements.look(counts, now)
  }

  raiseSuspicion(): void {
    this.#suspicion?.abort(new SilentConnectionError())
    this.#suspicion = undefined
  }

  /** Says it to whoever sends much, and to whom nothing comes from: that it is acknowledged is a sign of life, too. */
  sayAliveWhenDue(now: number): void {
    const isOwed = this.#receivedBytes >= MUCH_BYTES || this.#isSuspect
    if (!isOwed || now - this.#saidAliveAt < SIGN_OF_LIFE_MS) return
    this.#receivedBytes = 0
    this.#saidAliveAt = now
    if (this.#connection.status !== 'open') return
    try {
      sendSignOfLife(this.#muxer)
    } catch {
      // It is closing underneath: others see that, too.
    }
  }

  #hasUnsentBytes(): boolean {
    return this.#transport.writableNeedsDrain
  }
}
