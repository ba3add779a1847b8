import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Logger } from '@edgeway/core'
import { formatClient } from '../../account/client-address.ts'
import type { RequestJournal } from '../../account/request-journal.ts'
import { resetSocket } from '../../kernel/reset-socket.ts'
import type { OpenFlow } from '../../open-flows.ts'
import type { Timers } from '../../timers.ts'
import type { HttpClient } from '../http-client.ts'
import type { RequestRoutes } from '../policy/request-routes.ts'
import { ClosedStreams } from './closed-streams.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import { IncomingRequest } from './incoming-request.ts'
import { CLIENT_SESSION_OPTIONS, SESSION_WINDOW_BYTES } from './limits.ts'
import type { Fields, Headers } from './message-fields.ts'
import { SessionLife } from './session-life.ts'
import type { UpstreamSessions } from './upstream-sessions.ts'

export interface Http2Options {
  /** A session without a stream is closed after that time. */
  readonly clientIdleTimeoutMs: number
  /** The client's preface must be there within that time (RFC 9113, 3.4). */
  readonly headTimeoutMs: number
}

export interface Http2Deps {
  readonly options: Http2Options
  readonly routes: Pick<RequestRoutes, 'of'>
  readonly sessions: UpstreamSessions
  readonly journal: Pick<RequestJournal, 'end'>
  readonly logger: Pick<Logger, 'debug'>
  readonly timers: Timers
}

/** A client's connection of HTTP/2, whose preface comes next; each of its requests finds an endpoint of its own. */
export class Http2Flow implements OpenFlow {
  readonly ended: Promise<void>
  readonly #client: HttpClient
  readonly #deps: Http2Deps
  readonly #exchangeDeps: ExchangeDeps
  readonly #session: ServerHttp2Session
  readonly #life: SessionLife
  readonly #closedStreams: ClosedStreams
  readonly #clientIp: string
  #isCut = false

  constructor(client: HttpClient, deps: Http2Deps) {
    const { socket, called, source } = client
    const { options, sessions, journal, timers } = deps
    this.#client = client
    this.#deps = deps
    this.#clientIp = source?.ip ?? 'unknown'
    this.#exchangeDeps = {
      ...{ sessions, journal, timers },
      proxied: { source, destination: called.destination },
      client: source === undefined ? 'unknown' : formatClient(source),
      isCut: () => this.#isCut,
    }
    this.#session = performServerHandshake(socket, CLIENT_SESSION_OPTIONS)
    this.#session.setLocalWindowSize(SESSION_WINDOW_BYTES)
    const cut = (): void => resetSocket(socket)
    const idleTimeoutMs = options.clientIdleTimeoutMs
    this.#life = new SessionLife({ session: this.#session, idleTimeoutMs, cut }, timers)
    this.#closedStreams = new ClosedStreams(timers)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#listen(resolve)
  }

  /** How the connection ended; what became of its requests is told of each. */
  get outcome(): 'completed' | 'cut' {
    return this.#isCut ? 'cut' : 'completed'
  }

  /** No new requests; ends when those that are under way have ended. */
  drain(): void {
    this.#life.close()
  }

  cut(): void {
    this.#isCut = true
    this.#session.destroy()
    resetSocket(this.#client.socket)
  }

  #listen(ended: () => void): void {
    const session = this.#session
    const { socket } = this.#client
    const { timers, options, logger } = this.#deps
    const late = timers.after(options.headTimeoutMs, () => this.cut())
    session.once('remoteSettings', () => late[Symbol.dispose]())
    session.on('stream', (stream, headers, ...[flags, fields]) =>
      this.#serve(stream, { headers, flags, fields }),
    )
    session.on('error', (error) => logger.debug('HTTP/2 session of a client failed', { error }))
    session.once('close', () => {
      late[Symbol.dispose]()
      this.#closedStreams[Symbol.dispose]()
      ended()
    })
    // Who ends its sending has left, as everywhere in HTTP/2: it could not even take what flow control asks for.
    socket.once('end', () => session.destroy())
  }

  #serve(stream: ServerHttp2Stream, { headers, flags, fields }: OpenedStream): void {
    this.#life.streamOpened()
    this.#closedStreams.opened(stream)
    stream.once('close', () => {
      this.#life.streamClosed()
      this.#closedStreams.ended(stream)
    })
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0
    const request = new IncomingRequest({ headers, fields, hasBody, clientIp: this.#clientIp })
    const routes = this.#deps.routes.of(this.#client.called)
    new Exchange(stream, { request, routes }, this.#exchangeDeps).start()
  }
}

interface OpenedStream {
  readonly headers: Headers
  readonly flags: number
  readonly fields: Fields
}
