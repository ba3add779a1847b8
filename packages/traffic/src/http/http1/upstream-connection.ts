import type { ConnectionPool, EndpointAddress, Path } from '@edgeway/core'
import type { FlowEnd } from '../../relay/relay-engine.ts'
import type { Wire, WireEvents } from '../../wire/wire.ts'
import { BodyReader } from '../message/body-reader.ts'
import { endOfHead, problemOfPartialHead } from '../message/head-end.ts'
import { isProblem } from '../message/head-problem.ts'
import { parseResponseHead, type ResponseHead } from '../message/response-head.ts'
import type { PortRoutes } from '../policy/port-routes.ts'
import type { Sweepable } from './idle-sweep.ts'
import type { ResponseReader, ResponseTerms } from './response-reader.ts'

/** Where a connection is at home. */
export interface UpstreamHome {
  readonly routes: Pick<PortRoutes, 'pool'>
  /** It is closed, for whatever reason. */
  onGone(connection: UpstreamConnection): void
}

export interface UpstreamWay {
  readonly endpoint: EndpointAddress
  readonly path: Path
  /** It may serve requests of any client. */
  readonly isShareable: boolean
}

/** An endpoint that only says that it goes on would else keep a request forever. */
const MAX_INTERIM = 100

/**
 * A connection to an endpoint, which carries one request after the other.
 *
 * HOT PATH: a response that comes in one piece is one call to its reader.
 */
export class UpstreamConnection implements WireEvents, Sweepable {
  readonly way: UpstreamWay
  /** That it has carried, the present one included. */
  requests = 0
  /** It was of no use for a while before the present request: the endpoint may have closed it meanwhile. */
  isReused = false
  lastTick = 0
  /** Something came of the response to the present request. */
  hasSpoken = false
  readonly wire: Wire
  readonly #home: UpstreamHome
  readonly #body = new BodyReader()
  #reader: ResponseReader | undefined
  #terms: ResponseTerms = { method: '', wantsContent: false }
  /** Of the response that is under way, once it is there. */
  #head: ResponseHead | undefined
  #partial: Buffer | undefined
  #interims = 0
  /** The last response left it fit for another request. */
  #isClean = true
  #isFree = true

  constructor(wire: Wire, way: UpstreamWay, home: UpstreamHome) {
    this.wire = wire
    this.way = way
    this.#home = home
    wire.events = this
  }

  /** What its Service wishes for connections. */
  get pool(): ConnectionPool {
    return this.#home.routes.pool
  }

  /** A request has it, or somebody still writes what it has read for one. */
  get isBusy(): boolean {
    return !this.#isFree
  }

  /** The response to the present request is not complete. */
  get isAnswering(): boolean {
    return this.#reader !== undefined
  }

  /** Whether another request may be sent: nothing is under way, and the endpoint has not said that it closes. */
  get isReusable(): boolean {
    const { isClosed, hasEnded, isFull } = this.wire
    return this.#isClean && this.#reader === undefined && !isClosed && !hasEnded && !isFull
  }

  /** From here on it belongs to that reader's request, which is told of `onDone`, `onSwitch` or `onBroken`, until `free`. */
  begin(reader: ResponseReader, terms: ResponseTerms): void {
    this.#reader = reader
    this.#isFree = false
    this.#terms = terms
    this.#isClean = false
    this.#interims = 0
    this.hasSpoken = false
    this.requests += 1
  }

  /** The response is complete, and all that was read of it has been taken: from here on it is read, whoever had paused it. */
  free(): void {
    this.#isFree = true
    this.wire.resume()
  }

  /** Closes it, whatever is under way; its reader hears nothing more. */
  discard(): void {
    this.#reader = undefined
    this.#isClean = false
    if (this.wire.isClosed) return
    // To linger means to read on, over bytes that somebody still writes; or to write on, from memory that others may have by then.
    if (this.isBusy || this.wire.isFull) this.wire.reset()
    else this.wire.linger()
  }

  expire(): void {
    this.discard()
  }

  /** Gives the connection away after `onSwitch`; to be told of its end by `onPipeEnd`. */
  release(rest: Buffer): FlowEnd {
    return this.wire.release(rest)
  }

  /** Until now it has counted as one that is open. */
  onPipeEnd(): void {
    this.#home.onGone(this)
  }

  onBytes(bytes: Buffer): void {
    this.hasSpoken = true
    // Nobody has asked: whatever it is, it must not become the answer to the next request.
    if (this.#reader === undefined) this.discard()
    else if (this.#head === undefined) this.#readHeads(bytes)
    else this.#readBody(bytes, 0)
  }

  onDrain(): void {
    this.#reader?.onUpstreamDrain()
  }

  onEnd(): void {
    if (this.#reader === undefined) this.discard()
    else if (this.#head?.framing.kind === 'until-close') this.#done(false)
    else this.#broken(this.#head === undefined ? 'closed before a response' : 'closed within a response')
  }

  onClosed(): void {
    if (this.#reader !== undefined) this.#broken('reset')
    this.#home.onGone(this)
  }

  #readHeads(more: Buffer): void {
    const partial = this.#partial
    const bytes = partial === undefined ? more : Buffer.concat([partial, more])
    this.#partial = undefined
    let from = this.#readHead(bytes, 0, partial?.length)
    while (from !== undefined && from < bytes.length) from = this.#readHead(bytes, from)
  }

  /**
   * @param searched - index before which there is no end of it
   * @returns where the next head begins; `undefined` where none is to be read any more, or not yet
   */
  #readHead(bytes: Buffer, from: number, searched = from): number | undefined {
    const end = endOfHead(bytes, from, searched)
    const head =
      end === -1 ? undefined : parseResponseHead(bytes.toString('latin1', from, end), this.#terms.method)
    if (head === undefined) this.#keepPartial(bytes.subarray(from), searched - from)
    else if (isProblem(head)) this.#broken(head.problem)
    else if (head.isInterim) {
      this.#passInterim(head)
      return this.#reader === undefined ? undefined : end
    } else this.#readResponse(head, from === 0 ? bytes : bytes.subarray(from), end - from)
    return undefined
  }

  #passInterim(head: ResponseHead): void {
    this.#interims += 1
    if (this.#interims > MAX_INTERIM) this.#broken('too many interim responses')
    else this.#reader?.onInterim(head)
  }

  /** @param checked - that many bytes were looked at before, and are a copy already */
  #keepPartial(partial: Buffer, checked: number): void {
    const problem = problemOfPartialHead(partial, checked)
    if (problem !== undefined) this.#broken(problem.problem)
    else this.#partial = checked > 0 ? partial : Buffer.from(partial)
  }

  /** @param bytes - from the beginning of the head */
  #readResponse(head: ResponseHead, bytes: Buffer, headBytes: number): void {
    const reader = this.#reader
    if (reader === undefined) return
    if (head.status === 101) {
      this.#reader = undefined
      reader.onSwitch(head, bytes.subarray(headBytes))
      return
    }
    this.#head = head
    this.#body.begin(head.framing)
    if (this.#takesContent) {
      reader.onHead(head, bytes.subarray(0, headBytes), headBytes)
      this.#readBody(bytes, headBytes)
      return
    }
    const end = this.#body.advance(bytes, headBytes)
    if (end === -1) {
      this.#broken(this.#body.problem ?? 'the body of the response is malformed')
      return
    }
    reader.onHead(head, end === bytes.length ? bytes : bytes.subarray(0, end), headBytes)
    this.#afterBody(end === bytes.length)
  }

  get #takesContent(): boolean {
    return this.#terms.wantsContent && this.#head?.framing.kind === 'chunked'
  }

  #readBody(bytes: Buffer, from: number): void {
    const reader = this.#reader
    if (reader === undefined) return
    const takesContent = this.#takesContent
    const end = takesContent
      ? this.#body.advanceContent(bytes, from, (piece) => reader.onBody(piece))
      : this.#body.advance(bytes, from)
    if (end === -1) {
      this.#broken(this.#body.problem ?? 'the body of the response is malformed')
      return
    }
    if (!takesContent) reader.onBody(end === bytes.length ? bytes : bytes.subarray(0, end))
    this.#afterBody(end === bytes.length)
  }

  /** @param isAll - nothing has come behind the body; it would be the beginning of a response that nobody asked for */
  #afterBody(isAll: boolean): void {
    if (this.#reader !== undefined && this.#body.isComplete) this.#done(isAll)
  }

  #done(isAll: boolean): void {
    const reader = this.#reader
    const isKeptAlive = this.#head?.isKeepAlive === true && this.#head.framing.kind !== 'until-close'
    this.#reader = undefined
    this.#head = undefined
    this.#isClean = isAll && isKeptAlive
    reader?.onDone()
  }

  #broken(why: string): void {
    const reader = this.#reader
    this.#reader = undefined
    this.#isClean = false
    this.#partial = undefined
    if (!this.wire.isClosed) this.wire.reset()
    reader?.onBroken(why)
  }
}
