import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { EndpointConnection, Path } from '@edgeway/core'
import type { Timers } from '../../timers.ts'
import {
  ENDPOINT_SETTINGS,
  SESSION_OPTIONS,
  SESSION_WINDOW_BYTES,
  STREAM_WINDOW_BYTES,
  TUNNEL_STREAM_WINDOW_BYTES,
} from './limits.ts'
import type { Fields } from './message-fields.ts'
import { SessionLife } from './session-life.ts'

export interface UpstreamSessionOptions {
  /** Without a stream for so long it is closed. */
  readonly idleTimeoutMs: number
  /** After so many requests it takes no more; `undefined`: the protocol's own limit. */
  readonly maxRequests: number | undefined
  /** Streams at one time, if the endpoint allows as many. */
  readonly maxStreams: number | undefined
  /** So old it takes no more requests. */
  readonly maxDurationMs: number | undefined
}

export interface UpstreamSessionDeps {
  readonly timers: Timers
  /** There is room for one more stream. */
  onRoom(): void
  /** It takes no new streams from here on; told once. */
  onRetired(): void
  /** Nothing is left of it; comes after `onRetired`. */
  onClosed(): void
}

/** As long as the endpoint has not said how many (RFC 9113, 6.5.2: no fewer than that). */
export const ASSUMED_STREAMS = 100

/**
 * A silent session with open streams is asked whether it is still there. Not more often: servers of gRPC end connections that
 * are pinged more than every five minutes without a response in between.
 */
const PING_AFTER_SILENCE_MS = 310_000
const PING_TIMEOUT_MS = 20_000

/** Half of the 2^30 ids that a client has (RFC 9113, 5.1.1). */
const MAX_REQUESTS = 536_870_912

/** Says nothing of the endpoint's name: each request has its own `:authority`. */
const ANY_AUTHORITY = 'http://endpoint'

/** A connection of HTTP/2 to an endpoint, with prior knowledge (RFC 9113, 3.3). */
export class UpstreamSession {
  readonly path: Path
  /** Pieces of messages that came from the endpoint: counted by who gets them. */
  heard = 0
  readonly #session: ClientHttp2Session
  readonly #life: SessionLife
  readonly #options: UpstreamSessionOptions
  readonly #deps: UpstreamSessionDeps
  readonly #openedAt: number
  #maxStreams: number
  #requests = 0
  #isRetired = false
  /** As its GOAWAY says. */
  #lastStreamId: number | undefined
  #keepAlive: Disposable | undefined

  constructor(connection: EndpointConnection, options: UpstreamSessionOptions, deps: UpstreamSessionDeps) {
    const { timers } = deps
    this.path = connection.path
    this.#options = options
    this.#deps = deps
    this.#openedAt = timers.now()
    this.#maxStreams = Math.min(options.maxStreams ?? ASSUMED_STREAMS, ASSUMED_STREAMS)
    this.#session = sessionOver(connection)
    const cut = (): void => connection.reset()
    this.#life = new SessionLife(
      { session: this.#session, idleTimeoutMs: options.idleTimeoutMs, cut },
      timers,
    )
    // Its half-close is its end: nothing could be answered any more. node:http2 does not notice each way that a stream can close.
    connection.stream.once('end', () => this.#session.destroy())
    connection.stream.once('close', () => this.#session.destroy())
    this.#listen(connection)
    this.#watchSilence()
  }

  /** One more stream may be opened now. */
  get hasRoom(): boolean {
    return !this.#isRetired && this.#life.streams < this.#maxStreams && this.#life.isOpen
  }

  /** The connection is over, or breaks just now. */
  get isGone(): boolean {
    return this.#session.destroyed
  }

  /** @throws {Error} where the fields are not well-formed */
  request(
    fields: Fields,
    how: { readonly endStream: boolean; readonly waitForTrailers: boolean },
  ): ClientHttp2Stream {
    const stream = this.#session.request(fields, how)
    this.#life.streamOpened()
    this.#requests++
    stream.once('close', () => {
      this.#life.streamClosed()
      if (this.#isRetired) this.retire()
      else if (this.hasRoom) this.#deps.onRoom()
    })
    const { maxRequests = MAX_REQUESTS, maxDurationMs = Number.POSITIVE_INFINITY } = this.#options
    if (this.#requests >= maxRequests || this.#deps.timers.now() - this.#openedAt > maxDurationMs)
      this.retire()
    return stream
  }

  /**
   * What became of a stream that closed before its response: `unsent` is what the endpoint surely did nothing about (RFC 9113, 8.7),
   * since it said so, or since it never left this node.
   */
  failureOf({ id, rstCode }: ClientHttp2Stream): 'unsent' | 'reset' {
    if (id === undefined || rstCode === constants.NGHTTP2_REFUSED_STREAM) return 'unsent'
    return this.#lastStreamId !== undefined && id > this.#lastStreamId ? 'unsent' : 'reset'
  }

  /**
   * Takes no new streams; ends when those that are open have ended. GOAWAY comes only then: node:http2 as a server would answer one
   * by refusing the request that is just on its way.
   */
  retire(): void {
    this.#takeNoMore()
    if (this.#life.streams === 0) this.#life.close()
  }

  /** Ends it with all of its streams. */
  destroy(): void {
    this.#takeNoMore()
    this.#session.destroy()
  }

  #takeNoMore(): void {
    if (this.#isRetired) return
    this.#isRetired = true
    this.#deps.onRetired()
  }

  #listen(connection: EndpointConnection): void {
    const session = this.#session
    const { maxStreams = Number.POSITIVE_INFINITY } = this.#options
    session.on('remoteSettings', ({ maxConcurrentStreams = Number.POSITIVE_INFINITY }) => {
      this.#maxStreams = Math.min(maxStreams, maxConcurrentStreams)
      if (this.hasRoom) this.#deps.onRoom()
    })
    session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = lastStreamId
      this.#takeNoMore()
    })
    // What that means for a stream, the stream tells.
    session.on('error', () => {})
    session.on('close', () => {
      this.#takeNoMore()
      this.#keepAlive?.[Symbol.dispose]()
      connection.reset()
      this.#deps.onClosed()
    })
  }

  #watchSilence(): void {
    const { heard } = this
    this.#keepAlive = this.#deps.timers.after(PING_AFTER_SILENCE_MS, () => {
      if (this.#session.closed || this.#session.destroyed) return
      if (this.#life.streams > 0 && this.heard === heard) this.#ping()
      else this.#watchSilence()
    })
  }

  #ping(): void {
    this.#keepAlive = this.#deps.timers.after(PING_TIMEOUT_MS, () =>
      this.#session.destroy(new Error('the endpoint does not answer a PING'), constants.NGHTTP2_NO_ERROR),
    )
    this.#session.ping((error) => {
      if (error !== null) return
      this.#keepAlive?.[Symbol.dispose]()
      this.#watchSilence()
    })
  }
}

function sessionOver({ path, stream }: EndpointConnection): ClientHttp2Session {
  const isNear = path === 'local' || path === 'routed'
  const initialWindowSize = isNear ? STREAM_WINDOW_BYTES : TUNNEL_STREAM_WINDOW_BYTES
  const session = connect(ANY_AUTHORITY, {
    ...SESSION_OPTIONS,
    settings: { ...ENDPOINT_SETTINGS, initialWindowSize },
    createConnection: () => stream,
  })
  session.setLocalWindowSize(SESSION_WINDOW_BYTES)
  return session
}
