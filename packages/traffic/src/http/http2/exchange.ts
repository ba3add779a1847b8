import { constants, type ServerHttp2Stream } from 'node:http2'
import type { RequestOutcome } from '../../account/request-journal.ts'
import { LINGER_MS } from '../../relay/linger.ts'
import type { PortRoutes } from '../policy/port-routes.ts'
import type { RequestRoute, TryFailure } from '../policy/request-route.ts'
import { RequestTimers, type TimedRequest } from '../request-timers.ts'
import type { ExchangeDeps, ExchangeRequest } from './exchange-deps.ts'
import type { IncomingRequest } from './incoming-request.ts'
import {
  dropConnectionFields,
  type Fields,
  fieldIn,
  grpcCodeOf,
  type Headers,
  keepSensitive,
  trailersOf,
} from './message-fields.ts'
import { grpcStatusOf, respondHere } from './own-response.ts'
import { REFUSALS, type Refusal } from './refusals.ts'
import { RequestBody } from './request-body.ts'
import { resetStream } from './reset-stream.ts'
import { isWithoutContent, mayHaveTrailers, ResponseBody } from './response-body.ts'
import { SessionSearch, type SessionSearcher } from './session-search.ts'
import type { UpstreamSession } from './upstream-session.ts'
import { type ResponseHead, type TryEvents, UpstreamTry } from './upstream-try.ts'

const { NGHTTP2_CANCEL: CANCEL, NGHTTP2_INTERNAL_ERROR: INTERNAL_ERROR } = constants
const { NGHTTP2_NO_ERROR: NO_ERROR, NGHTTP2_PROTOCOL_ERROR: PROTOCOL_ERROR } = constants

/** One request of HTTP/2 and its response, over all of its tries. Ends with the client's stream. */
export class Exchange implements TryEvents, TimedRequest, SessionSearcher {
  readonly #stream: ServerHttp2Stream
  readonly #request: IncomingRequest
  readonly #routes: PortRoutes
  readonly #deps: ExchangeDeps
  readonly #startedAt: number
  #fields: Fields = []
  #route: RequestRoute | undefined
  #body: RequestBody | undefined
  #response: ResponseBody | undefined
  #try: UpstreamTry | undefined
  /** Of the last try, also after its end. */
  #session: UpstreamSession | undefined
  #search: SessionSearch | undefined
  #timers: RequestTimers | undefined
  /** Runs while a response that broke off is brought to its end. */
  #lastWords: Disposable | undefined
  #outcome: RequestOutcome | undefined
  #status: number | undefined
  #grpcStatus: string | undefined
  /** The response has no body. */
  #isWhole = false

  constructor(stream: ServerHttp2Stream, { request, routes }: ExchangeRequest, deps: ExchangeDeps) {
    this.#stream = stream
    this.#request = request
    this.#routes = routes
    this.#deps = deps
    this.#startedAt = deps.timers.now()
    // `close` comes after it and says as much.
    stream.on('error', () => {})
    stream.once('aborted', () => {
      // By the client: what waits to be read or written would keep it open for ever after a reset with NO_ERROR.
      if (this.#outcome === undefined) stream.destroy()
      else stream.resume()
    })
    stream.once('close', () => this.#end())
  }

  start(): void {
    const { problem } = this.#request
    if (problem !== undefined) {
      this.#refuse({ ...problem, outcome: 'bad-request' })
      return
    }
    const route = this.#routes.begin(this.#request)
    if (route === 'over-limit') {
      this.#refuse(REFUSALS.overLimit)
      return
    }
    this.#route = route
    const routes = this.#routes
    const { sessions, proxied, timers } = this.#deps
    this.#fields = this.#request.outgoingFields(routes.policy.forwardedHeaders)
    if (this.#request.hasBody) this.#body = new RequestBody(this.#stream)
    this.#timers = RequestTimers.for(routes.policy, this, timers)
    this.#search = new SessionSearch({ sessions, proxied, routes, route }, this)
    this.#search.search(REFUSALS.noEndpoint)
  }

  onInterim(headers: Headers, fields: Fields): void {
    const { headersSent, closed, destroyed } = this.#stream
    if (headersSent || closed || destroyed) return
    try {
      this.#stream.additionalHeaders(trailersOf(fields, headers))
    } catch {
      // What node:http2 does not take: the final response counts.
    }
  }

  onHead(head: ResponseHead): void {
    const status = Number(head.headers[':status'])
    const isReplayable = !this.#request.hasBody
    if (status >= 500 && isReplayable && this.#route?.failed(status, { isReplayable }) === true) {
      this.#leaveTry()
      this.#search?.search(REFUSALS.noEndpoint)
      return
    }
    this.#timers?.endTry()
    this.#route?.responded(status)
    this.#body?.keepNoMore()
    this.#respond(status, head)
  }

  onTryClosed(): void {
    const { failure, resetCode } = this.#try ?? { failure: 'reset' as const, resetCode: undefined }
    if (this.#status === undefined) {
      this.#failed(failure, resetCode ?? REFUSALS.broken)
      return
    }
    if (this.#isWhole || this.#response?.isComplete === true) this.#stopClient()
    else if (this.#session?.isGone === true) this.#breakOff(REFUSALS.brokenOff, INTERNAL_ERROR)
    else this.#reset(resetCode ?? INTERNAL_ERROR, 'endpoint-failed')
  }

  /** As of `RequestTimers`: one try has had its time. */
  onTryTimeout(): void {
    this.#try?.timedOut()
    this.#failed('timeout', REFUSALS.tooLate)
  }

  /** As of `RequestTimers`: all tries together have had their time. */
  onTimeout(): void {
    this.#try?.timedOut()
    this.#leaveTry()
    if (this.#status === undefined) this.#refuse(REFUSALS.tooLate)
    else this.#breakOff(REFUSALS.tooLate, CANCEL)
  }

  /** As of `SessionSearcher`. */
  onNoSession(why: Refusal): void {
    this.#refuse(why)
  }

  /** As of `SessionSearcher`. */
  onNotConnected(failure: TryFailure): void {
    this.#failed(failure, REFUSALS.notConnected)
  }

  /** As of `SessionSearcher`. */
  onSession(session: UpstreamSession): void {
    this.#session = session
    const { hasBody, mayHaveTrailers: hasTrailers } = this.#request
    try {
      this.#try = new UpstreamTry(
        session,
        { fields: this.#fields, hasBody, mayHaveTrailers: hasTrailers },
        this,
      )
    } catch {
      // What node:http2 does not take, though nghttp2 did.
      this.#refuse(REFUSALS.noRequest)
      return
    }
    this.#timers?.beginTry()
    this.#body?.sendTo(this.#try.stream)
  }

  #respond(status: number, { headers, fields, isWhole }: ResponseHead): void {
    const stream = this.#stream
    const upstream = this.#try
    if (upstream === undefined || stream.closed || stream.destroyed) return
    this.#grpcStatus = fieldIn(headers, 'grpc-status')
    dropConnectionFields(fields)
    keepSensitive(fields, headers)
    const setCookie = this.#route?.setCookie
    if (setCookie !== undefined) fields.push('set-cookie', setCookie)
    const endStream = isWhole || this.#request.method === 'HEAD' || isWithoutContent(status)
    const waitForTrailers = !endStream && mayHaveTrailers(headers)
    // `sendDate` is unknown to @types/node; a date is the endpoint's to send.
    const options = { endStream, waitForTrailers, sendDate: false }
    try {
      stream.respond(fields, options)
    } catch {
      // Of a status that HTTP does not have.
      this.#leaveTry(PROTOCOL_ERROR)
      this.#refuse(REFUSALS.noResponse)
      return
    }
    this.#status = status
    this.#isWhole = endStream
    if (endStream) upstream.stream.resume()
    else this.#response = new ResponseBody(stream, upstream, headers)
  }

  /** @param otherwise - what the client is told when there is no other try: a response, or the code of a reset */
  #failed(failure: TryFailure, otherwise: Refusal | number): void {
    const canReplay = this.#body?.isReplayable ?? true
    this.#leaveTry()
    const again = this.#route?.failed(failure, { isReplayable: !this.#request.hasBody }) === true
    if (again && canReplay) {
      this.#search?.search(REFUSALS.notConnected)
      return
    }
    if (typeof otherwise === 'object') this.#refuse(otherwise)
    else this.#reset(otherwise, 'endpoint-failed')
  }

  /** Of a response that has begun. */
  #breakOff(why: Refusal, code: number): void {
    if (this.#response?.breakOff(why) !== true) {
      this.#reset(code, why.outcome)
      return
    }
    this.#outcome ??= why.outcome
    this.#stopClient()
    // A client that reads nothing never gets there.
    this.#lastWords = this.#deps.timers.after(LINGER_MS, () => this.#reset(code, why.outcome))
  }

  /** Nothing more is wanted of the current try. */
  #leaveTry(code = CANCEL): void {
    this.#timers?.endTry()
    this.#search?.abandon()
    this.#body?.detach()
    this.#try?.cancel(code)
    this.#try = undefined
  }

  #refuse(refusal: Refusal): void {
    const { isGrpc } = this.#request
    this.#leaveTry()
    this.#outcome ??= refusal.outcome
    this.#status = isGrpc ? 200 : refusal.status
    this.#isWhole = true
    if (isGrpc) this.#grpcStatus = grpcStatusOf(refusal.status)
    respondHere(this.#stream, this.#request, refusal)
    this.#stopClient()
  }

  #reset(code: number, outcome: RequestOutcome): void {
    this.#outcome ??= outcome
    resetStream(this.#stream, code)
    this.#body?.drop()
  }

  /** The response is over. What is still to come of the request nobody reads: the client is told so (RFC 9113, 8.1). */
  #stopClient(): void {
    if (!this.#request.hasBody) return
    if (this.#body?.isComplete === true) {
      // All of it has come, but some may wait to be read: the stream would stay open for it.
      this.#body.drop()
      return
    }
    if (this.#response === undefined) this.#stream.close(NO_ERROR)
    else this.#response.closeAfterwards()
    if (this.#body === undefined) this.#stream.resume()
    else this.#body.drop()
  }

  #end(): void {
    const { rstCode } = this.#stream
    this.#outcome ??= this.#outcomeOf(rstCode)
    this.#timers?.end()
    this.#lastWords?.[Symbol.dispose]()
    this.#leaveTry(rstCode === NO_ERROR ? CANCEL : rstCode)
    this.#record(this.#outcome)
    this.#route?.end()
  }

  #outcomeOf(rstCode: number): RequestOutcome {
    const isComplete = this.#isWhole || this.#response?.isComplete === true
    if (rstCode === NO_ERROR && isComplete) return 'completed'
    return this.#deps.isCut() ? 'cut' : 'client-gone'
  }

  #record(outcome: RequestOutcome): void {
    const { client, journal, timers } = this.#deps
    const grpcStatus = this.#response?.grpcStatus ?? this.#grpcStatus
    journal.end({
      service: this.#routes.name,
      protocol: 'http2',
      method: this.#request.method,
      status: this.#status,
      outcome,
      client,
      endpoint: this.#route?.endpoint,
      path: this.#session?.path,
      attempts: this.#route?.attempts ?? 0,
      why: this.#route?.why,
      durationMs: timers.now() - this.#startedAt,
      bytesSent: this.#body?.bytes ?? 0,
      bytesReceived: this.#response?.bytes ?? 0,
      grpcStatus: grpcCodeOf(grpcStatus),
    })
  }
}
