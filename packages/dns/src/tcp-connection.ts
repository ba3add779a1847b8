import type { Socket } from 'node:net'
import type { QueryContext } from './handler.ts'
import { MAX_QUERY_BYTES } from './message.ts'
import type { Responder } from './responder.ts'
import { encodeFrame, FrameReader } from './tcp-frames.ts'

export interface TcpConnectionOptions {
  readonly tcpIdleTimeoutMs: number
  readonly maxTcpPipelinedQueries: number
}

/**
 * Answers the queries of one TCP client, several at a time and in any order (RFC 7766 section 6.2.1.1). Reads no
 * further while too many are in work or while the client does not read its answers. Ends when the client does, or when
 * it neither completes a query nor gets an answer for a while: bytes alone don't keep it open.
 */
export class TcpConnection {
  readonly #socket: Socket
  readonly #options: TcpConnectionOptions
  readonly #responder: Pick<Responder, 'respond'>
  readonly #context: QueryContext
  readonly #reader = new FrameReader(MAX_QUERY_BYTES)
  readonly #idle: NodeJS.Timeout
  /** Read but not yet in work; at most what one read brought. */
  #queries: Buffer[] = []
  #inWork = 0
  #isEnding = false

  constructor(
    socket: Socket,
    { options, responder }: { options: TcpConnectionOptions; responder: Pick<Responder, 'respond'> },
  ) {
    this.#socket = socket
    this.#options = options
    this.#responder = responder
    this.#context = { transport: 'tcp', clientIp: socket.remoteAddress }
    this.#idle = setTimeout(() => socket.destroy(), options.tcpIdleTimeoutMs)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => this.end())
    socket.on('drain', () => this.#work())
    socket.on('close', () => clearTimeout(this.#idle))
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
    while (this.#hasRoom()) {
      const query = this.#queries.shift()
      if (query === undefined) break
      void this.#answer(query)
    }
    const isDone = this.#isEnding && this.#queries.length === 0 && this.#inWork === 0
    if (isDone) this.#socket.end()
    // Also once done: the client's own end is still to be read.
    if (isDone || this.#hasRoom()) this.#socket.resume()
    else this.#socket.pause()
  }

  #hasRoom(): boolean {
    return this.#inWork < this.#options.maxTcpPipelinedQueries && !this.#socket.writableNeedDrain
  }

  async #answer(query: Buffer): Promise<void> {
    this.#inWork++
    const response = await this.#responder.respond(query, this.#context)
    this.#inWork--
    if (this.#socket.destroyed) return
    // What is no query can't be answered, and nothing sensible will follow it.
    if (response === undefined) return void this.#socket.destroy()
    this.#idle.refresh()
    this.#socket.write(encodeFrame(response))
    this.#work()
  }
}
