import type { EndpointAddress, Path } from '@edgeway/core'
import type { Metering } from '../../account/byte-meter.ts'
import type { FlowOutcome } from '../../account/flow-journal.ts'
import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import type { OpenFlow } from '../../open-flows.ts'
import type { FlowEnd, Relay } from '../../relay/relay-engine.ts'
import type { Timers } from '../../timers.ts'
import type { Wire, WireEvents } from '../../wire/wire.ts'
import { errorResponse } from '../message/error-response.ts'
import { type HeadProblem, isProblem } from '../message/head-problem.ts'
import type { RequestHead } from '../message/request-head.ts'
import { Exchange, type ExchangeClient, type ExchangeDeps, type ExchangeEnd } from './exchange.ts'
import type { IdleSweep, Sweepable } from './idle-sweep.ts'
import { RequestHeadReader, type RequestHeadReaderOptions } from './request-head-reader.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export interface Http1ConnectionDeps {
  readonly sweep: IdleSweep
  readonly timers: Pick<Timers, 'after'>
  /** What holds now for the ServicePort. */
  terms(): ExchangeDeps
  /**
   * Takes over the connection of a request that wants to go on by HTTP/2, once it was released.
   *
   * @returns `undefined` where it can't: the request is then answered by HTTP/1.1
   */
  upgradeToHttp2(head: RequestHead, release: () => void): OpenFlow | undefined
  /** Joins the client to an endpoint that has switched protocols. */
  join(client: FlowEnd, upstream: UpstreamConnection, rest: Buffer): Pipe
}

/** A connection that is no longer HTTP's: its bytes go to an endpoint, and back, as they are. */
export interface Pipe {
  readonly joined: Relay
  readonly metering: Metering
  readonly endpoint: EndpointAddress
  readonly path: Path
}

/** Whose connection it is. */
export interface Http1Peer {
  /** Without a port. */
  readonly ip: string
  readonly proxied: ProxiedConnection
}

const NOTHING = Buffer.alloc(0)

/**
 * A client's connection that speaks HTTP/1.1: takes its requests one after the other, each to an endpoint of its own. What
 * the client sends ahead waits, up to what one read brings.
 *
 * HOT PATH: a request that comes in one piece costs one search, one parse and one Exchange.
 */
export class Http1Connection implements WireEvents, ExchangeClient, OpenFlow, Sweepable {
  readonly ended: Promise<void>
  lastTick = 0
  outcome: FlowOutcome = 'completed'
  requests = 0
  /** Once an endpoint has switched protocols. */
  pipe: Pipe | undefined
  readonly ip: string
  readonly proxied: ProxiedConnection
  readonly #wire: Wire
  readonly #deps: Http1ConnectionDeps
  readonly #heads: RequestHeadReader
  readonly #resolve: () => void
  #exchange: Exchange | undefined
  /** Has the connection now, as one of HTTP/2. */
  #successor: OpenFlow | undefined
  /** What came behind the part of the request that could be sent on. */
  #unread: Buffer | undefined
  /** Waits for what was written to be taken. */
  #onDrained: (() => void) | undefined
  #isDraining = false
  /** Nothing more is read of it as HTTP. */
  #isOver = false
  #isPumping = false
  #isPaused = false

  constructor(
    wire: Wire,
    { ip, proxied, ...options }: Http1Peer & RequestHeadReaderOptions,
    deps: Http1ConnectionDeps,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolve = resolve
    this.ip = ip
    this.proxied = proxied
    this.#wire = wire
    this.#deps = deps
    this.#heads = new RequestHeadReader(options, {
      timers: deps.timers,
      onTimeout: (problem) => this.#refuse(problem),
    })
    wire.events = this
    deps.sweep.add(this)
  }

  /** Reads from here on. */
  start(): void {
    this.#wire.resume()
  }

  get isBusy(): boolean {
    return this.#exchange !== undefined
  }

  get isClosing(): boolean {
    return this.#isDraining || this.#isOver
  }

  cut(): void {
    this.#successor?.cut()
    if (this.#successor !== undefined) return
    if (this.pipe !== undefined) {
      this.pipe.joined.cut()
      return
    }
    this.outcome = 'cut'
    this.#exchange?.abandon('cut')
    this.#exchange = undefined
    this.#wire.reset()
  }

  /** Ends once no request is under way. */
  drain(): void {
    this.#isDraining = true
    this.#successor?.drain?.()
    if (this.#successor !== undefined || this.pipe !== undefined) return
    // Who does not end its side is not waited for.
    if (this.#isOver && !this.#wire.isFull) this.#wire.linger()
    else if (this.#exchange === undefined && !this.#heads.isWithin) this.#close()
  }

  expire(): void {
    this.outcome = 'idle-timeout'
    if (this.#isOver) this.#wire.reset()
    else this.#close()
  }

  onBytes(bytes: Buffer): void {
    this.#take(bytes)
    this.#pump()
  }

  onDrain(): void {
    if (this.#onDrained !== undefined) {
      this.#onDrained()
      return
    }
    this.#exchange?.onClientDrain()
    this.#pump()
  }

  onEnd(): void {
    const exchange = this.#exchange
    if (exchange === undefined) {
      // Half a head: nobody waits for an answer to that.
      if (this.#unread === undefined) this.#close()
    } else if (exchange.wantsBody && this.#unread === undefined) {
      exchange.abandon('client-gone')
      this.#exchange = undefined
      this.#close()
    }
  }

  onClosed(): void {
    this.#heads[Symbol.dispose]()
    if (this.#exchange !== undefined && this.outcome === 'completed') this.outcome = 'client-reset'
    this.#exchange?.abandon('client-gone')
    this.#exchange = undefined
    this.#finish()
  }

  get isFull(): boolean {
    return this.#wire.isFull
  }

  write(bytes: Buffer): boolean {
    return this.#wire.write(bytes)
  }

  writeText(text: string): boolean {
    return this.#wire.writeText(text)
  }

  onPace(): void {
    this.#pump()
  }

  onExchangeEnd(end: ExchangeEnd): void {
    this.#exchange = undefined
    this.lastTick = this.#deps.sweep.tick
    if (end === 'reset') {
      this.outcome = 'endpoint-reset'
      this.#isOver = true
      this.#wire.reset()
    } else if (end === 'close' || this.#isDraining) this.#close()
    else this.#pump()
  }

  onSwitch(upstream: UpstreamConnection, rest: Buffer): void {
    if (!this.#wire.isFull) {
      this.#join(upstream, rest)
      return
    }
    // 101 goes out first; until then neither side is read.
    const unread = Buffer.from(rest)
    this.#onDrained = () => this.#join(upstream, unread)
    upstream.wire.pause()
    this.#wire.pause()
  }

  #join(upstream: UpstreamConnection, rest: Buffer): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    const pipe = this.#deps.join(this.#release(), upstream, rest)
    this.pipe = pipe
    void pipe.joined.ended.then((outcome) => {
      this.outcome = outcome
      exchange?.onPipeEnd()
      this.#resolve()
    })
  }

  /** Goes on with what waits, as far as it can, then reads or stops reading. */
  #pump(): void {
    // Requests that are answered at once end within the loop.
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#unread !== undefined && !this.#isOver && this.#canTake) {
      const bytes = this.#unread
      this.#unread = undefined
      this.#take(bytes)
    }
    this.#isPumping = false
    this.#pace()
  }

  get #canTake(): boolean {
    return this.#exchange === undefined
      ? !this.#wire.isFull
      : this.#exchange.takesBody && !this.#exchange.isUpstreamFull
  }

  #pace(): void {
    if (this.#isOver) return
    if (this.#exchange === undefined && this.#unread === undefined && this.#wire.hasEnded) {
      this.#close()
      return
    }
    const isHeld =
      this.#unread !== undefined ||
      this.#exchange?.isUpstreamFull === true ||
      (this.#exchange === undefined && this.#wire.isFull)
    if (isHeld === this.#isPaused) return
    this.#isPaused = isHeld
    if (isHeld) this.#wire.pause()
    else this.#wire.resume()
  }

  /** Takes what it can of the bytes: the rest of a head, of a body; keeps what is to wait. */
  #take(bytes: Buffer): void {
    if (this.#isOver) return
    if (this.#unread !== undefined) this.#keep(bytes)
    else if (this.#exchange === undefined) this.#takeHead(bytes)
    else this.#takeBody(bytes, 0)
  }

  #takeHead(more: Buffer): void {
    const heads = this.#heads
    const head = heads.read(more)
    if (head === undefined) return
    if (isProblem(head)) this.#refuse(head)
    else this.#begin(head, heads.bytes, heads.end)
  }

  #begin(head: RequestHead, bytes: Buffer, end: number): void {
    this.requests += 1
    const rest = end === bytes.length ? NOTHING : bytes.subarray(end)
    if (head.upgrade === 'h2c' && this.#upgrade(head, rest)) return
    const exchange = new Exchange(head, this, this.#deps.terms())
    this.#exchange = exchange
    exchange.start()
    if (rest.length > 0) this.#takeBody(rest, 0)
  }

  #upgrade(head: RequestHead, rest: Buffer): boolean {
    this.#successor = this.#deps.upgradeToHttp2(head, () => {
      this.#unread = rest.length === 0 ? undefined : Buffer.from(rest)
      this.#release()
    })
    void this.#successor?.ended.then(() => this.#resolve())
    return this.#successor !== undefined
  }

  #takeBody(bytes: Buffer, from: number): void {
    const exchange = this.#exchange
    const end = exchange?.takesBody === true ? exchange.takeBody(bytes, from) : from
    if (end !== -1 && end < bytes.length && !this.#isOver) this.#keep(bytes.subarray(end))
  }

  #keep(bytes: Buffer): void {
    this.#unread = this.#unread === undefined ? Buffer.from(bytes) : Buffer.concat([this.#unread, bytes])
  }

  #refuse({ status, problem }: HeadProblem): void {
    if (this.#isOver) return
    this.outcome = 'bad-request'
    this.#wire.writeText(errorResponse(status, problem, { closes: true, method: 'GET', minor: 1 }))
    this.#readNoMore()
    // What the client sends on is nothing that somebody waits for.
    this.#wire.linger()
  }

  /** After what was written, however slowly the client reads it. What it still sends is dropped. */
  #close(): void {
    if (this.#isOver) return
    this.#readNoMore()
    this.#wire.end()
    this.#wire.resume()
  }

  #readNoMore(): void {
    this.#isOver = true
    this.#unread = undefined
    this.#heads[Symbol.dispose]()
  }

  /** Gives the connection away; what it has still read goes along. */
  #release(): FlowEnd {
    this.#isOver = true
    this.#heads[Symbol.dispose]()
    this.#deps.sweep.delete(this)
    const unread = this.#unread ?? NOTHING
    this.#unread = undefined
    return this.#wire.release(unread)
  }

  #finish(): void {
    this.#isOver = true
    this.#deps.sweep.delete(this)
    this.#resolve()
  }
}
