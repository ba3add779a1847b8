import type { FlowOutcome } from '../../account/flow-journal.ts'
import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import type { OpenFlow } from '../../open-flows.ts'
import type { FlowEnd } from '../../relay/relay-engine.ts'
import type { Timers } from '../../timers.ts'
import type { Wire, WireEvents } from '../../wire/wire.ts'
import { errorResponse } from '../message/error-response.ts'
import type { HeadProblem } from '../message/head-problem.ts'
import type { RequestHead } from '../message/request-head.ts'
import type { Requester } from './client-request.ts'
import { Exchange, type ExchangeDeps } from './exchange.ts'
import type { ExchangeClient, ExchangeEnd } from './exchange-client.ts'
import type { IdleSweep, Sweepable } from './idle-sweep.ts'
import type { Pipe } from './pipe.ts'
import type { RequestHeadReaderOptions } from './request-head-reader.ts'
import { type IntakeOwner, RequestIntake } from './request-intake.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export interface Http1ConnectionDeps {
  readonly options: RequestHeadReaderOptions
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

const NOTHING = Buffer.alloc(0)

/**
 * A client's connection that speaks HTTP/1.1: takes its requests one after the other, each to an endpoint of its own. What
 * the client sends ahead waits, up to what one read brings.
 *
 * HOT PATH: a request that comes in one piece costs one search, one parse and one Exchange.
 */
export class Http1Connection implements WireEvents, ExchangeClient, IntakeOwner, OpenFlow, Sweepable {
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
  readonly #intake: RequestIntake
  readonly #resolve: () => void
  /** Has the connection now, as one of HTTP/2. */
  #successor: OpenFlow | undefined
  /** Waits for what was written to be taken. */
  #onDrained: (() => void) | undefined
  #isDraining = false

  constructor(wire: Wire, { ip, proxied }: Requester, deps: Http1ConnectionDeps) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolve = resolve
    this.ip = ip
    this.proxied = proxied
    this.#wire = wire
    this.#deps = deps
    this.#intake = new RequestIntake(wire, { options: deps.options, timers: deps.timers, owner: this })
    wire.events = this
    deps.sweep.add(this)
  }

  /** Reads from here on. */
  start(): void {
    this.#wire.resume()
  }

  get isBusy(): boolean {
    return this.#intake.exchange !== undefined
  }

  get isClosing(): boolean {
    return this.#isDraining || this.#intake.isStopped
  }

  cut(): void {
    this.#successor?.cut()
    if (this.#successor !== undefined) return
    if (this.pipe !== undefined) {
      this.pipe.joined.cut()
      return
    }
    this.outcome = 'cut'
    this.#intake.exchange?.abandon('cut')
    this.#intake.exchange = undefined
    this.#wire.reset()
  }

  /** Ends once no request is under way. */
  drain(): void {
    this.#isDraining = true
    this.#successor?.drain?.()
    if (this.#successor !== undefined || this.pipe !== undefined) return
    // Who does not end its side is not waited for.
    if (this.#intake.isStopped && !this.#wire.isFull) this.#wire.linger()
    else if (this.#intake.exchange === undefined && !this.#intake.isWithinHead) this.#close()
  }

  expire(): void {
    this.outcome = 'idle-timeout'
    if (this.#intake.isStopped) this.#wire.reset()
    else this.#close()
  }

  onBytes(bytes: Buffer): void {
    this.#intake.take(bytes)
  }

  onDrain(): void {
    if (this.#onDrained !== undefined) {
      this.#onDrained()
      return
    }
    this.#intake.exchange?.onClientDrain()
    this.#intake.pump()
  }

  onEnd(): void {
    const exchange = this.#intake.exchange
    if (exchange === undefined) {
      // Half a head: nobody waits for an answer to that.
      if (!this.#intake.hasUnread) this.#close()
    } else if (exchange.wantsBody && !this.#intake.hasUnread) {
      exchange.abandon('client-gone')
      this.#intake.exchange = undefined
      this.#close()
    }
  }

  onClosed(): void {
    this.#intake.stop()
    if (this.#intake.exchange !== undefined && this.outcome === 'completed') this.outcome = 'client-reset'
    this.#intake.exchange?.abandon('client-gone')
    this.#intake.exchange = undefined
    this.#finish()
  }

  onRequest(head: RequestHead, rest: Buffer): void {
    this.requests += 1
    if (head.upgrade === 'h2c' && this.#upgrade(head, rest)) return
    const exchange = new Exchange(head, this, this.#deps.terms())
    this.#intake.exchange = exchange
    exchange.start()
  }

  onProblem({ status, problem }: HeadProblem): void {
    if (this.#intake.isStopped) return
    this.outcome = 'bad-request'
    this.#wire.gather()
    this.#wire.writeText(errorResponse(status, problem, { closes: true, method: 'GET', minor: 1 }))
    this.#intake.stop()
    // What the client sends on is nothing that somebody waits for.
    this.#wire.linger()
  }

  onAllTaken(): void {
    this.#close()
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

  gather(): void {
    this.#wire.gather()
  }

  onPace(): void {
    this.#intake.pump()
  }

  onExchangeEnd(end: ExchangeEnd): void {
    this.#intake.exchange = undefined
    this.lastTick = this.#deps.sweep.tick
    if (end === 'reset') {
      this.outcome = 'endpoint-reset'
      this.#intake.stop()
      this.#wire.reset()
    } else if (end === 'close' || this.#isDraining) this.#close()
    else this.#intake.pump()
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
    const exchange = this.#intake.exchange
    this.#intake.exchange = undefined
    const pipe = this.#deps.join(this.#release(NOTHING), upstream, rest)
    this.pipe = pipe
    void pipe.joined.ended.then((outcome) => {
      this.outcome = outcome
      exchange?.onPipeEnd()
      this.#resolve()
    })
  }

  #upgrade(head: RequestHead, rest: Buffer): boolean {
    this.#successor = this.#deps.upgradeToHttp2(head, () => void this.#release(rest))
    void this.#successor?.ended.then(() => this.#resolve())
    return this.#successor !== undefined
  }

  /** After what was written, however slowly the client reads it. What it still sends is dropped. */
  #close(): void {
    if (this.#intake.isStopped) return
    this.#intake.stop()
    this.#wire.end()
    this.#wire.resume()
  }

  /** Gives the connection away; what it has still read goes along. */
  #release(rest: Buffer): FlowEnd {
    const unread = this.#intake.stop()
    this.#deps.sweep.delete(this)
    return this.#wire.release(rest.length > 0 ? rest : unread)
  }

  #finish(): void {
    this.#intake.stop()
    this.#deps.sweep.delete(this)
    this.#resolve()
  }
}
