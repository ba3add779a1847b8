import type { FlowJournal } from '../account/flow-journal.ts'
import { classify } from '../first-bytes/classify.ts'
import type { Manners, MannersSeen } from '../first-bytes/manners.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { RelayLimits } from '../relay/relay-engine.ts'
import type { Wires } from '../wire/wires.ts'
import type { Caller } from './accepted-client.ts'
import { AwaitedClient } from './awaited-client.ts'
import type { Dialling } from './dialling.ts'
import type { EarlyDial, EarlyDialEvents } from './early-dial.ts'
import type { EarlyTurns } from './early-turns.ts'
import type { HttpForwarder, HttpStart } from './http-forwarder.ts'
import type { FlowStart } from './outbound-flow.ts'

export interface SniffedFlowDeps {
  readonly journal: Pick<FlowJournal, 'record'>
  readonly manners: MannersSeen
  readonly http: HttpForwarder
  readonly wires: Pick<Wires, 'handleWire'> | undefined
  /** Carries the connection as it is. */
  readonly carry: (caller: Caller, start: FlowStart) => OpenFlow
  /** Connects to an endpoint before it is known what for; `undefined` where the ServicePort has as many connections as it may have. */
  readonly dialEarly: (caller: Caller, events: EarlyDialEvents) => EarlyDial | undefined
  /** Whose turn it is for that. */
  readonly turns: EarlyTurns
}

export interface SniffedFlowOptions extends RelayLimits {
  /** Somebody says that HTTP is spoken there. */
  readonly declaresHttp: boolean
}

/** After so long a client that is silent, or has said nothing that tells its protocol, is taken for one that may not speak HTTP. */
const SILENCE_MS = 1_000

/**
 * A connection to a ServicePort whose HTTP requests are looked at one by one, until it is known whether it speaks HTTP. Whoever speaks
 * first decides it; a server that speaks first is not kept waiting: see `MannersSeen`.
 */
export class SniffedFlow implements OpenFlow {
  readonly #caller: Caller
  readonly #options: SniffedFlowOptions
  readonly #deps: SniffedFlowDeps
  readonly #awaited: AwaitedClient
  #turn: Disposable | undefined
  #early: EarlyDial | undefined
  #silence: NodeJS.Timeout | undefined
  #hasSpoken = false

  constructor(caller: Caller, options: SniffedFlowOptions, deps: SniffedFlowDeps) {
    this.#caller = caller
    this.#options = options
    this.#deps = deps
    const { journal, wires } = deps
    const look = (bytes: Buffer, hasEnded: boolean): void => this.#look(bytes, hasEnded)
    this.#awaited = new AwaitedClient(caller, options, {
      journal,
      wires,
      look,
      onOver: () => this.#discard(),
    })
    this.#begin()
  }

  get ended(): Promise<void> {
    return this.#awaited.ended
  }

  cut(): void {
    this.#awaited.cut()
  }

  drain(): void {
    this.#awaited.drain()
  }

  get #manners(): Manners {
    const { service, called } = this.#caller
    return this.#deps.manners.of(service, called.servicePort.name)
  }

  /** The server need not be asked: clients speak HTTP there, and its endpoints do, or are said to. */
  get #isHttpForSure(): boolean {
    const { called } = this.#caller
    return this.#manners === 'http' && (this.#options.declaresHttp || this.#deps.http.hasAnswered(called))
  }

  #begin(): void {
    if (this.#manners === 'unknown') this.#awaitTurn()
    else if (!this.#isHttpForSure) this.#afterSilence(() => this.#awaitTurn())
  }

  #awaitTurn(): void {
    const { servicePort } = this.#caller.called
    this.#turn = this.#deps.turns.take(servicePort.name, () => this.#turnCame())
  }

  /** Meanwhile the turns of others may have shown who speaks first. */
  #turnCame(): void {
    if (this.#manners === 'server-first') this.#carry(undefined)
    else if (this.#isHttpForSure) this.#endTurn()
    else this.#dialEarly()
  }

  /**
   * Where nobody says that HTTP is spoken, client and server may both be silent for long, and rightly so: others wait no longer for
   * that, nor for a dial without an answer.
   */
  #dialEarly(): void {
    this.#early = this.#deps.dialEarly(this.#caller, {
      onServerFirst: ({ isGreeting }) => this.#serverFirst(isGreeting),
      onFailed: () => this.#dialFailed(),
    })
    if (this.#early === undefined) this.#endTurn()
    else if (!this.#options.declaresHttp && !this.#hasSpoken) this.#afterSilence(() => this.#endTurn())
  }

  #serverFirst(isGreeting: boolean): void {
    const { service, called } = this.#caller
    if (isGreeting) this.#deps.manners.sawGreeting(service, called.servicePort.name)
    this.#carry(this.#early?.take())
  }

  /**
   * A client of HTTP, which others of the ServicePort are or are said to be, is answered so when it asks; another one might wait for
   * ever.
   */
  #dialFailed(): void {
    this.#endTurn()
    if (this.#options.declaresHttp || this.#manners === 'http') this.#early?.discard()
    else if (!this.#hasSpoken) this.#afterSilence(() => this.#carry(this.#early?.take()))
  }

  #look(bytes: Buffer, hasEnded: boolean): void {
    const kind = classify(bytes)
    if (kind === 'http1' || kind === 'http2') this.#serve(kind)
    else if (kind !== 'more' || hasEnded) this.#carry(this.#early?.take())
    else if (bytes.length > 0) this.#undecided()
  }

  /** From the first byte on: whoever sends byte by byte gets no more time. */
  #undecided(): void {
    if (this.#hasSpoken) return
    this.#hasSpoken = true
    this.#afterSilence(() => this.#carry(this.#early?.take()))
  }

  #serve(protocol: HttpStart['protocol']): void {
    const { service, called } = this.#caller
    const { manners, http } = this.#deps
    this.#stopLooking()
    manners.sawHttp(service, called.servicePort.name)
    const spare = protocol === 'http1' ? this.#early?.takeSpare() : undefined
    this.#early?.discard()
    const wired = protocol === 'http1' ? this.#awaited.handOver() : undefined
    this.#awaited.carryOn(() => http.serve(this.#caller, { protocol, spare, wired }))
  }

  #carry(dialling: Dialling | undefined): void {
    this.#stopLooking()
    this.#awaited.carryOn(() => this.#deps.carry(this.#caller, { dialling }))
  }

  #afterSilence(then: () => void): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(then, SILENCE_MS)
  }

  #discard(): void {
    this.#stopLooking()
    this.#early?.discard()
  }

  #stopLooking(): void {
    clearTimeout(this.#silence)
    this.#endTurn()
  }

  #endTurn(): void {
    this.#turn?.[Symbol.dispose]()
  }
}
