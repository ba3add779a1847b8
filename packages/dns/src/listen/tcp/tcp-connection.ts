import type { Socket } from 'node:net'
import type { QueryContext } from '../../handler.ts'
import { MAX_QUERY_BYTES } from '../../message.ts'
import type { Responder } from '../../responder.ts'
import { encodeFrame, FrameReader } from './tcp-frames.ts'
import type { TcpTurns } from './tcp-turns.ts'

/** A client that leaves more than some of the longest answers unread does not want them. */
const MAX_UNREAD_BYTES = 262_144

export interface TcpConnectionOptions {
  readonly tcpIdleTimeoutMs: number
  readonly maxTcpPipelinedQueries: number
}

export interface TcpConnectionDeps {
  readonly responder: Pick<Responder, 'respond'>
  /** Shared with all other connections. */
  readonly turns: Pick<TcpTurns, 'request'>
}

/**
 * Answers the queries of one TCP client, several at a time and in any order (RFC 7766 section 6.2.1.1). Reads no
 * further before it has begun with those that it has read, nor while too many are in work or while the client does not
 * read its answers. Ends when the client does, when it leaves too much unread, or when it neither completes a query nor
 * gets an answer for a while: bytes alone don't keep it open.
 */
export class TcpConnection {
  readonly #socket: Socket
  readonly #options: TcpConnectionOptions
  readonly #deps: TcpConnectionDeps
  readonly #context: QueryContext
  readonly #reader = new FrameReader(MAX_QUERY_BYTES)
  readonly #idle: NodeJS.Timeout
  /** Read but not yet in work; at most what one read brought. */
  #queries: Buffer[] = []
  #inWork = 0
  #isEnding = false

  constructor(socket: Socket, options: TcpConnectionOptions, deps: TcpConnectionDeps) {
    this.#socket = socket
    this.#options = options
    this.#deps = deps
    this.#context = { transport: 'tcp', clientIp: socket.remoteAddress }
    this.#idle = setTimeout(() => socket.destroy(), options.tcpIdleTimeoutMs)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => this.end())
    socket.on('drain', () => this.#work())
    socket.on('close', () => {
      clearTimeout(this.#idle)
      this.#queries = []
    })
    socket.on('error', () => {
      // The client is gone, which is its own business; 'close' follows.
    })
  }

  /** Whether nothing that was asked is unanswered. */
  get isIdle(): boolean {
    return this.#inWork === 0 && this.#queries.length === 0
  }

  /** Closes at once; what is unanswered stays so. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Reads no more; closes once what was read is answered. */
  end(): void {
    this.#isEnding = true
    this.#work()
  }

  #read(chunk: Buffer): void {
    if (this.#isEnding) return
    const queries = this.#reader.push(chunk)
    if (queries === undefined) {
      this.#socket.destroy()
      return
    }
    if (queries.length > 0) this.#idle.refresh()
    this.#queries.push(...queries)
    this.#work()
  }

  #work(): void {
    if (this.#queries.length > 0 && this.#hasRoom()) this.#deps.turns.request(this.#step)
    const isDone = this.#isEnding && this.isIdle
    if (isDone) this.#socket.end()
    // Also once done: the client's own end is still to be read.
    if (isDone || (this.#queries.length === 0 && this.#hasRoom())) this.#socket.resume()
    else this.#socket.pause()
  }

  readonly #step = (): void => {
    const query = this.#hasRoom() ? this.#queries.shift() : undefined
    if (query !== undefined) this.#answer(query)
    this.#work()
  }

  #hasRoom(): boolean {
    return this.#inWork < this.#options.maxTcpPipelinedQueries && !this.#socket.writableNeedDrain
  }

  /** What is in memory is sent at once, so that what the client leaves unread is known before the next query. */
  #answer(query: Buffer): void {
    const response = this.#deps.responder.respond(query, this.#context)
    if (response instanceof Promise) void this.#answerLater(response)
    else this.#send(response)
  }

  async #answerLater(response: Promise<Buffer | undefined>): Promise<void> {
    this.#inWork++
    this.#send(await response)
    this.#inWork--
    this.#work()
  }

  #send(response: Buffer | undefined): void {
    if (this.#socket.destroyed) return
    // What is no query can't be answered, and nothing sensible will follow it.
    if (response === undefined || this.#socket.writableLength > MAX_UNREAD_BYTES) {
      this.#socket.destroy()
      return
    }
    this.#idle.refresh()
    this.#socket.write(encodeFrame(response))
  }
}
