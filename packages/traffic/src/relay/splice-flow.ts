import { LINGER_MS } from './linger.ts'
import type { CarriedOutcome } from './promotion.ts'
import type { SpliceCalls } from './splice-calls.ts'
import { type Pipes, SpliceWay, type WayState } from './splice-way.ts'

export interface SpliceFlowParts {
  readonly slot: number
  readonly client: number
  readonly endpoint: number
}

export type SpliceSide = 'client' | 'endpoint'

export interface SpliceFlowDeps {
  readonly calls: SpliceCalls
  readonly pipes: Pipes
  now(): number
  /** The endpoint's descriptor is about to be closed, the client's stays. */
  onLinger(): void
}

/** A flow in the splice worker: both ways, and how it ends. */
export class SpliceFlow {
  readonly parts: SpliceFlowParts
  readonly sent: SpliceWay
  readonly received: SpliceWay
  /** How it has ended; its descriptors are to be closed, or reset. */
  over: { readonly outcome: CarriedOutcome; readonly reset: boolean } | undefined
  /** When a client that reads the last answer of a dead endpoint is reset, by the clock of `now`. */
  lingersUntil: number | undefined
  readonly #calls: SpliceCalls
  readonly #now: () => number
  readonly #onLinger: () => void
  #isEndpointClosed = false

  constructor(parts: SpliceFlowParts, deps: SpliceFlowDeps) {
    const { client, endpoint } = parts
    this.parts = parts
    this.#calls = deps.calls
    this.#now = deps.now
    this.#onLinger = deps.onLinger
    this.sent = new SpliceWay({ from: client, to: endpoint }, deps.calls, deps.pipes)
    this.received = new SpliceWay({ from: endpoint, to: client }, deps.calls, deps.pipes)
  }

  get isEndpointClosed(): boolean {
    return this.#isEndpointClosed
  }

  /** @returns `unfinished` when there is more to do at once, `starved` when there was no pipe for it */
  pump(): 'waiting' | 'unfinished' | 'starved' {
    const sent = this.over === undefined ? this.#pumpSent() : 'ended'
    const received = this.over === undefined ? this.#pumpReceived() : 'ended'
    if (this.over === undefined && sent === 'ended' && received === 'ended') this.#end('completed', false)
    if (this.over !== undefined) return 'waiting'
    const states = [sent, received]
    if (states.includes('unfinished')) return 'unfinished'
    return states.includes('starved') ? 'starved' : 'waiting'
  }

  /** The kernel says that a connection is dead; what it had received has been read. */
  broken(side: SpliceSide): void {
    if (side === 'client') this.#fail('client-reset')
    else this.#fail('endpoint-reset')
  }

  cut(): void {
    this.#end('cut', true)
  }

  /** The time of lingering is over. */
  stopLingering(): void {
    this.#end('endpoint-reset', true)
  }

  #pumpSent(): WayState {
    const state = this.sent.pump()
    if (state === 'source-broken') this.#fail('client-reset')
    if (state === 'target-broken') this.#fail('endpoint-reset')
    if (state === 'target-closed') this.#endpointTakesNoMore()
    return state
  }

  /** It may have answered before: what it sent, and its end, still wait to be read. */
  #endpointTakesNoMore(): void {
    this.#pumpReceived()
    this.#fail('endpoint-reset')
  }

  #pumpReceived(): WayState {
    const state = this.received.pump()
    if (state === 'source-broken') this.#fail('endpoint-reset')
    if (state === 'target-broken' || state === 'target-closed') this.#fail('client-reset')
    return state
  }

  #fail(outcome: 'client-reset' | 'endpoint-reset'): void {
    if (this.over !== undefined) return
    const isLingering = this.lingersUntil !== undefined
    if (outcome === 'client-reset') this.#end(outcome, true)
    else if (!isLingering && this.received.hasEnded) this.#linger()
    else if (!isLingering) this.#end(outcome, true)
  }

  /** Bytes left unread would make the kernel reset the client on its own: they are read and dropped. */
  #linger(): void {
    this.lingersUntil = this.#now() + LINGER_MS
    this.#isEndpointClosed = true
    this.#onLinger()
    this.#calls.reset(this.parts.endpoint)
    this.sent.drop()
  }

  /** A flow that lingers has lost its endpoint, whatever comes then. */
  #end(outcome: CarriedOutcome, reset: boolean): void {
    if (this.over !== undefined) return
    this.over = { outcome: this.lingersUntil === undefined ? outcome : 'endpoint-reset', reset }
    this.sent.close()
    this.received.close()
  }
}
