import type { Endpoint } from '@edgeway/core'
import type { ProxiedConnection } from '../../account/proxy-protocol.ts'
import type { RequestOutcome } from '../../account/request-record.ts'
import type { DialBudget } from '../dial-budget.ts'
import { BodyReader } from '../message/body-reader.ts'
import { errorResponse } from '../message/error-response.ts'
import { forwardedLines } from '../message/forwarded.ts'
import { outgoingRequest } from '../message/outgoing-request.ts'
import { outgoingResponse } from '../message/outgoing-response.ts'
import { allFieldsOf, fieldOf, type RequestHead } from '../message/request-head.ts'
import type { ResponseHead } from '../message/response-head.ts'
import type { PortRoutes } from '../policy/port-routes.ts'
import type { RequestFacts, RequestRoute, TryFailure } from '../policy/request-route.ts'
import { connectFailureOf } from '../upstream-dialer.ts'
import type { ResponseReader, UpstreamConnection } from './upstream-connection.ts'
import type { NoConnection, UpstreamPool } from './upstream-pool.ts'

/** The connection that a request came by, as its exchange sees it. */
export interface ExchangeClient {
  /** Without a port. */
  readonly ip: string
  readonly proxied: ProxiedConnection
  /** No further request is to be taken. */
  readonly isClosing: boolean
  write(bytes: Buffer): boolean
  writeText(text: string): boolean
  /** The request's body can be sent on from here on. */
  onUpstreamReady(): void
  /** The endpoint takes more, or no more, of the request's body. */
  onUpstreamPace(): void
  /** The last word of an exchange. */
  onExchangeEnd(end: ExchangeEnd): void
  /** 101 was sent: both connections are now a pipe. The exchange is over with it. */
  onSwitch(upstream: UpstreamConnection, rest: Buffer): void
}

/** What becomes of the client's connection: it may be used again, is to be closed, or broke off in the middle of a response. */
export type ExchangeEnd = 'reusable' | 'close' | 'reset'

export interface ExchangeDeps {
  readonly routes: PortRoutes
  readonly pool: UpstreamPool
  /** Address and port that the client called: the Host of requests that name none. */
  readonly defaultHost: string
  /** How the request went; once. */
  onOutcome(exchange: Exchange, outcome: RequestOutcome): void
}

/** A response's head and what came with it of its body are written at once where they are not bigger than that. */
const ONE_WRITE_BYTES = 16 * 1024

/**
 * One request of a client and its response: finds an endpoint, sends the request, and passes the response on. Tries again
 * as far as the Service wishes and the request allows.
 *
 * HOT PATH: without a body and with an idle connection to the endpoint, one write each way and no callback in between.
 */
export class Exchange implements ResponseReader, RequestFacts {
  readonly head: RequestHead
  readonly startedAt = performance.now()
  bytesSent = 0
  bytesReceived = 0
  /** Of the response that the client got; `undefined` as long as there is none. */
  status: number | undefined
  route: RequestRoute | undefined
  /** The one in use, then the last one. */
  upstream: UpstreamConnection | undefined
  readonly #client: ExchangeClient
  readonly #deps: ExchangeDeps
  readonly #body = new BodyReader()
  #outgoing = ''
  #isWaiting = false
  #isOver = false
  #hasSentBody = false
  /** The head of a response has been sent to the client. */
  #hasAnswered = false
  #closesClient = false
  #unwanted: AbortController | undefined
  #perTry: NodeJS.Timeout | undefined
  #overall: NodeJS.Timeout | undefined

  constructor(head: RequestHead, client: ExchangeClient, deps: ExchangeDeps) {
    this.head = head
    this.#client = client
    this.#deps = deps
    this.#body.begin(head.framing)
  }

  get method(): string {
    return this.head.method
  }

  get path(): string {
    return this.head.target
  }

  get clientIp(): string {
    return this.#client.ip
  }

  field(name: string): string | undefined {
    return fieldOf(this.head, name)
  }

  allFields(name: string): readonly string[] {
    return allFieldsOf(this.head, name)
  }

  /** The body of the request is still to come, or a part of it. */
  get wantsBody(): boolean {
    return !this.#body.isComplete
  }

  /** What of it comes can be sent on now. */
  get takesBody(): boolean {
    return this.wantsBody && this.upstream !== undefined && !this.#isWaiting && !this.#isOver
  }

  get isUpstreamFull(): boolean {
    return !this.#isOver && this.wantsBody && this.upstream?.wire.isFull === true
  }

  start(): void {
    const { routes, defaultHost } = this.#deps
    const { policy } = routes
    const outgoing = outgoingRequest(this.head, {
      extraLines: forwardedLines(policy.forwardedHeaders, this.head, this.clientIp),
      keepsUpgrade: this.head.upgrade !== undefined && this.head.upgrade !== 'h2c',
      defaultHost,
    })
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
    if (policy.requestTimeoutMs !== undefined)
      this.#overall = setTimeout(() => this.#expire(), policy.requestTimeoutMs)
    this.#try('no-endpoint')
  }

  /** @returns index after what was taken; -1: the body is malformed, and the request was refused */
  takeBody(bytes: Buffer, from: number): number {
    const end = this.#body.advance(bytes, from)
    if (end === -1) {
      this.refuse(400, this.#body.problem ?? 'the body of the request is malformed', 'bad-request')
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
    this.#dropUpstream()
    this.#finish(outcome)
  }

  /** Answers by itself; where a response has begun already, that breaks off. */
  refuse(status: number, sentence: string, outcome: RequestOutcome): void {
    if (this.#isOver) return
    this.#dropUpstream()
    if (this.#hasAnswered) {
      this.#finish(outcome)
      this.#client.onExchangeEnd('reset')
      return
    }
    const closes = this.wantsBody || !this.head.isKeepAlive || this.#client.isClosing
    const { method, minor } = this.head
    this.status = status
    this.#client.writeText(errorResponse(status, sentence, { closes, method, minor }))
    this.#finish(outcome)
    this.#client.onExchangeEnd(closes ? 'close' : 'reusable')
  }

  /** The client takes more of the response. */
  onClientDrain(): void {
    if (!this.#isOver) this.upstream?.wire.resume()
  }

  onInterim(head: ResponseHead): void {
    if (this.head.minor === 0) return
    this.#client.writeText(head.text)
  }

  onHead(head: ResponseHead, bytes: Buffer, headBytes: number): void {
    clearTimeout(this.#perTry)
    if (isRetryable(head.status) && this.#fails(head.status)) {
      this.#dropUpstream()
      this.#try('endpoint-failed')
      return
    }
    this.route?.responded(head.status)
    const isChunkless = this.head.minor === 0 && head.framing.kind === 'chunked'
    this.#closesClient =
      isChunkless ||
      head.framing.kind === 'until-close' ||
      this.wantsBody ||
      !this.head.isKeepAlive ||
      this.#client.isClosing
    const cookie = this.route?.setCookie
    const text = outgoingResponse(head, {
      clientMinor: this.head.minor,
      connection: this.#closesClient ? 'close' : 'keep-alive',
      extraLines: cookie === undefined ? '' : `Set-Cookie: ${cookie}\r\n`,
      dropsChunked: isChunkless,
    })
    if (typeof text !== 'string') {
      this.refuse(502, text.problem, 'bad-response')
      return
    }
    this.status = head.status
    this.#hasAnswered = true
    this.#writeHead(text, head, { bytes, headBytes })
  }

  onBody(bytes: Buffer): void {
    this.bytesReceived += bytes.length
    if (!this.#client.write(bytes)) this.upstream?.wire.pause()
  }

  onDone(): void {
    const { upstream } = this
    if (upstream === undefined || this.#isOver) return
    // The rest of the request would be taken for another one.
    if (this.wantsBody) upstream.discard()
    else this.#deps.pool.giveBack(upstream)
    this.#finish('completed')
    this.#client.onExchangeEnd(this.#closesClient ? 'close' : 'reusable')
  }

  onSwitch(head: ResponseHead, rest: Buffer): void {
    const { upstream } = this
    const text = this.#switchHead(head)
    if (upstream === undefined || text === undefined) {
      this.#bad('the endpoint switched to a protocol that nobody asked for')
      return
    }
    clearTimeout(this.#perTry)
    clearTimeout(this.#overall)
    this.route?.responded(head.status)
    this.status = head.status
    this.#client.writeText(text)
    this.#client.onSwitch(upstream, rest)
  }

  /** What came after the switch is over; until then the endpoint has counted as in use. */
  onPipeEnd(): void {
    this.#finish('completed')
  }

  onBroken(why: string): void {
    if (this.#isOver) return
    clearTimeout(this.#perTry)
    const { upstream } = this
    if (this.#hasAnswered) {
      this.#finish('endpoint-failed')
      this.#client.onExchangeEnd('reset')
      return
    }
    // The endpoint closed an idle connection just when the request was on its way.
    const isStale = upstream !== undefined && upstream.requests > 1 && !upstream.hasSpoken
    this.upstream = undefined
    const isUnsafe = isStale && !isSafeToRepeat(this.head.method)
    if (!isUnsafe && this.#fails(isStale ? 'unsent' : 'reset')) this.#try('endpoint-failed')
    else this.refuse(502, `the endpoint failed: ${why}`, 'endpoint-failed')
  }

  onUpstreamDrain(): void {
    this.#client.onUpstreamPace()
  }

  #switchHead(head: ResponseHead): string | undefined {
    const { upgrade } = this.head
    if (upgrade === undefined || upgrade === 'h2c') return undefined
    const text = outgoingResponse(head, {
      clientMinor: 1,
      connection: 'upgrade',
      extraLines: '',
      dropsChunked: false,
    })
    return typeof text === 'string' ? text : undefined
  }

  #bad(why: string): void {
    this.refuse(502, why, 'bad-response')
  }

  /** @param outcome - where there is no endpoint left to try */
  #try(outcome: RequestOutcome): void {
    const { route } = this
    const endpoint = route?.next()
    if (route === undefined || endpoint === undefined) {
      const isFirst = outcome === 'no-endpoint'
      this.refuse(isFirst ? 503 : 502, isFirst ? 'no endpoint is ready' : 'all endpoints failed', outcome)
      return
    }
    const idle = this.#deps.pool.take(endpoint)
    if (idle === undefined) this.#connect(endpoint, route.dialBudget)
    else this.#send(idle)
  }

  #connect(endpoint: Endpoint, budget: DialBudget): void {
    this.#isWaiting = true
    this.#unwanted ??= new AbortController()
    this.#deps.pool.want({
      endpoint,
      proxied: this.#client.proxied,
      budget,
      signal: this.#unwanted.signal,
      onConnection: (connection) => {
        this.#isWaiting = false
        this.#send(connection)
        this.#client.onUpstreamReady()
      },
      onNoConnection: (why) => {
        this.#isWaiting = false
        this.#notConnected(why)
      },
    })
  }

  #notConnected(why: NoConnection): void {
    if (this.#isOver) return
    if (why.status === 'over-limit') {
      this.refuse(503, 'as many requests as are allowed wait for a connection', 'over-limit')
    } else if (why.status === 'failed' && this.#fails(connectFailureOf(why.error))) this.#try('dial-failed')
    else this.refuse(503, sentenceOf(why), 'dial-failed')
  }

  #send(upstream: UpstreamConnection): void {
    this.upstream = upstream
    const { head } = this
    upstream.begin(this, { method: head.method, wantsContent: head.minor === 0 })
    const { perTryTimeoutMs } = this.#deps.routes.policy
    if (perTryTimeoutMs !== undefined) this.#perTry = setTimeout(() => this.#expireTry(), perTryTimeoutMs)
    this.bytesSent += this.#outgoing.length
    upstream.wire.writeText(this.#outgoing)
  }

  #writeHead(
    text: string,
    head: ResponseHead,
    { bytes, headBytes }: { readonly bytes: Buffer; readonly headBytes: number },
  ): void {
    const bodyBytes = bytes.length - headBytes
    this.bytesReceived += text.length + bodyBytes
    let hasRoom: boolean
    if (text === head.text) hasRoom = this.#client.write(bytes)
    else if (bodyBytes === 0) hasRoom = this.#client.writeText(text)
    else if (bytes.length <= ONE_WRITE_BYTES)
      hasRoom = this.#client.writeText(text + bytes.toString('latin1', headBytes, bytes.length))
    else {
      this.#client.writeText(text)
      hasRoom = this.#client.write(bytes.subarray(headBytes))
    }
    if (!hasRoom) this.upstream?.wire.pause()
  }

  /** Tells the route, and whether there may be another try. */
  #fails(failure: TryFailure): boolean {
    return this.route?.failed(failure, { isReplayable: !this.#hasSentBody }) === true
  }

  #expireTry(): void {
    if (this.#isOver || this.#hasAnswered) return
    this.#dropUpstream()
    if (this.#fails('timeout')) this.#try('timeout')
    else this.refuse(504, 'the endpoint did not answer in time', 'timeout')
  }

  #expire(): void {
    this.refuse(504, 'there was no response in time', 'timeout')
  }

  #dropUpstream(): void {
    this.#unwanted?.abort()
    this.#unwanted = undefined
    const { upstream } = this
    if (upstream?.isBusy === true) upstream.discard()
  }

  #finish(outcome: RequestOutcome): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#perTry)
    clearTimeout(this.#overall)
    this.route?.end()
    this.#deps.onOutcome(this, outcome)
  }
}

function isRetryable(status: number): boolean {
  return status === 502 || status === 503 || status === 504
}

/** RFC 9110, 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

function isSafeToRepeat(method: string): boolean {
  return IDEMPOTENT.has(method)
}

function sentenceOf(why: NoConnection): string {
  return why.status === 'failed'
    ? `no endpoint can be reached: ${why.error.failure}`
    : 'no endpoint can be reached'
}
