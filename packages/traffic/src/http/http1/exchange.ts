import type { RequestOutcome } from '../../account/request-record.ts'
import type { Timers } from '../../timers.ts'
import type { RequestHead } from '../message/request-head.ts'
import type { ResponseHead } from '../message/response-head.ts'
import type { PortRoutes } from '../policy/port-routes.ts'
import type { RequestRoute, TryFailure } from '../policy/request-route.ts'
import { RequestTimers } from '../request-timers.ts'
import { ClientRequest } from './client-request.ts'
import { ClientResponse } from './client-response.ts'
import { ConnectionSearch, type Searcher, type SearchFailure } from './connection-search.ts'
import type { ExchangeClient } from './exchange-client.ts'
import type { ResponseReader } from './response-reader.ts'
import { breakageOf, isGatewayError } from './try-failures.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamPool } from './upstream-pool.ts'

export interface ExchangeDeps {
  readonly routes: PortRoutes
  readonly pool: UpstreamPool
  /** Address and port that the client called: the Host of requests that name none. */
  readonly defaultHost: string
  readonly timers: Pick<Timers, 'after'>
  /** How the request went; once. */
  onOutcome(exchange: Exchange, outcome: RequestOutcome): void
}

/**
 * One request of a client and its response: finds an endpoint, sends the request, and passes the response on. Tries again
 * as far as the Service wishes and the request allows.
 *
 * HOT PATH: without a body and with an idle connection to the endpoint, one write each way and nothing in between.
 */
export class Exchange extends ClientRequest implements ResponseReader, Searcher {
  readonly response: ClientResponse
  readonly startedAt = performance.now()
  /** Written to endpoints. */
  bytesSent = 0
  route: RequestRoute | undefined
  /** The one in use, then the last one. */
  upstream: UpstreamConnection | undefined
  readonly #client: ExchangeClient
  readonly #deps: ExchangeDeps
  #search: ConnectionSearch | undefined
  #timers: RequestTimers | undefined
  #outgoing = ''
  #hasSentBody = false
  /** The response is, but not all of it has been taken by the client. */
  #isComplete = false
  #isOver = false

  constructor(head: RequestHead, client: ExchangeClient, deps: ExchangeDeps) {
    super(head, client)
    this.response = new ClientResponse(head, client)
    this.#client = client
    this.#deps = deps
  }

  /** What comes of the body can be sent on now. */
  get takesBody(): boolean {
    return this.wantsBody && this.upstream?.isAnswering === true && !this.upstream.wire.isFull
  }

  /** What was sent on may still be written from the memory that the client is read into. */
  get isUpstreamFull(): boolean {
    return this.upstream?.isAnswering === true && this.upstream.wire.isFull
  }

  start(): void {
    const { routes, pool, defaultHost, timers } = this.#deps
    const outgoing = this.outgoingHead(routes.policy.forwardedHeaders, defaultHost)
    if (typeof outgoing !== 'string') {
      this.refuse(outgoing.status, outgoing.problem, 'bad-request')
      return
    }
    this.#outgoing = outgoing
    const route = routes.begin(this)
    if (route === 'over-limit') {
      this.refuse(503, 'as many requests as are allowed are under way', 'over-limit')
      return
    }
    this.route = route
    this.#timers = RequestTimers.for(routes.policy, this, timers)
    this.#search = new ConnectionSearch(route, pool, this)
    this.#search.search()
  }

  /** @returns index after what was taken; -1: the body is malformed, and the request was refused */
  takeBody(bytes: Buffer, from: number): number {
    const end = this.readBody(bytes, from)
    if (end === -1) {
      this.refuse(400, this.bodyProblem, 'bad-request')
      return -1
    }
    if (end > from) {
      this.#hasSentBody = true
      this.bytesSent += end - from
      this.upstream?.wire.write(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end))
    }
    return end
  }

  /** Nobody waits for the response any more. */
  abandon(outcome: RequestOutcome): void {
    if (this.#isOver) return
    this.#dropUpstream()
    this.#finish(outcome)
  }

  /** Answers by itself; where a response has begun already, that breaks off. */
  refuse(status: number, sentence: string, outcome: RequestOutcome): void {
    if (this.#isOver) return
    this.#dropUpstream()
    const { response } = this
    if (response.hasBegun) {
      this.#finish(outcome)
      this.#client.onExchangeEnd('reset')
      return
    }
    response.refuse(status, sentence, this.#endsClient)
    this.#finish(outcome)
    this.#client.onExchangeEnd(response.closes ? 'close' : 'reusable')
  }

  /** The client takes more of the response. */
  onClientDrain(): void {
    this.upstream?.wire.resume()
    if (this.#isComplete) this.#complete()
  }

  onConnection(connection: UpstreamConnection): void {
    this.upstream = connection
    connection.begin(this, { method: this.head.method, wantsContent: this.head.minor === 0 })
    this.#timers?.beginTry()
    this.bytesSent += this.#outgoing.length
    connection.wire.writeText(this.#outgoing)
    if (this.wantsBody) this.#client.onPace()
  }

  onSearchFailure({ outcome, sentence }: SearchFailure): void {
    this.refuse(503, sentence, outcome)
  }

  onInterim(head: ResponseHead): void {
    this.response.interim(head)
  }

  onHead(head: ResponseHead, bytes: Buffer, headBytes: number): void {
    this.#timers?.endTry()
    const { route, response } = this
    if (isGatewayError(head.status) && this.#fails(head.status)) {
      this.#dropUpstream()
      this.#tryAgain()
      return
    }
    route?.responded(head.status)
    const hasRoom = response.begin(
      { head, bytes, headBytes },
      { closes: this.#endsClient, cookie: route?.setCookie },
    )
    if (typeof hasRoom === 'object') this.refuse(502, hasRoom.problem, 'bad-response')
    else if (!hasRoom) this.upstream?.wire.pause()
  }

  onBody(bytes: Buffer): void {
    if (!this.response.body(bytes)) this.upstream?.wire.pause()
  }

  onDone(): void {
    // Until then the response may still be written from the memory that the endpoint is read into.
    if (this.#client.isFull) this.#isComplete = true
    else this.#complete()
  }

  onSwitch(head: ResponseHead, rest: Buffer): void {
    const { upstream, response } = this
    if (upstream === undefined || !response.switch(head)) {
      upstream?.discard()
      this.refuse(502, 'the endpoint switched to a protocol that nobody asked for', 'bad-response')
      return
    }
    this.#timers?.end()
    this.route?.responded(head.status)
    this.#client.onSwitch(upstream, rest)
  }

  /** What came after the switch is over; until then the endpoint has counted as in use. */
  onPipeEnd(): void {
    this.#finish('completed')
  }

  onBroken(why: string): void {
    if (this.#isOver) return
    this.#timers?.endTry()
    if (this.response.hasBegun) {
      this.#finish('endpoint-failed')
      this.#client.onExchangeEnd('reset')
      return
    }
    const failure = breakageOf(this.head, this.upstream, { isReplayable: !this.#hasSentBody })
    if (failure !== undefined && this.#fails(failure)) this.#tryAgain()
    else this.refuse(502, `the endpoint failed: ${why}`, 'endpoint-failed')
  }

  onUpstreamDrain(): void {
    this.#client.onPace()
  }

  /** As of `RequestTimers`: one try has had its time. */
  onTryTimeout(): void {
    if (this.#isOver || this.response.hasBegun) return
    this.#dropUpstream()
    if (this.#fails('timeout')) this.#tryAgain()
    else this.refuse(504, 'the endpoint did not answer in time', 'timeout')
  }

  /** As of `RequestTimers`: all tries together have had their time. */
  onTimeout(): void {
    this.refuse(504, 'there was no response in time', 'timeout')
  }

  #complete(): void {
    const { upstream } = this
    if (upstream === undefined || this.#isOver) return
    upstream.free()
    // The rest of the request would be taken for another one.
    if (this.wantsBody) upstream.discard()
    else this.#deps.pool.giveBack(upstream)
    this.#finish('completed')
    this.#client.onExchangeEnd(this.response.closes ? 'close' : 'reusable')
  }

  /** The client's connection can't be used any more after the response. */
  get #endsClient(): boolean {
    return this.wantsBody || !this.head.isKeepAlive || this.#client.isClosing
  }

  /** Tells the route, and whether there may be another try. */
  #fails(failure: TryFailure): boolean {
    return this.route?.failed(failure, { isReplayable: !this.#hasSentBody }) === true
  }

  /** By the connection that it finds, the body is sent, too: what waits of it. */
  #tryAgain(): void {
    this.#search?.search()
    if (!this.#isOver) this.#client.onPace()
  }

  #dropUpstream(): void {
    this.#search?.abandon()
    if (this.upstream?.isBusy === true) this.upstream.discard()
  }

  #finish(outcome: RequestOutcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timers?.end()
    this.route?.end()
    this.#deps.onOutcome(this, outcome)
  }
}
