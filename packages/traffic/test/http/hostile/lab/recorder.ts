import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Leniency, nextRequest, type PlacedRequest } from '../reading/lenient-reader.ts'
import { Cursor } from '../reading/reading.ts'

/** What came on one connection since it was last asked for. */
export interface Recording {
  readonly pieces: readonly Buffer[]
  /** The other side may still say something. */
  readonly isOpen: boolean
}

interface Connection {
  readonly socket: Socket
  /** Since it was last asked for. */
  recorded: Buffer[]
  /** Not answered yet, or not for the most part. */
  waiting: string
  /** What is waiting has its answer already, before its body is complete. */
  isAnswered: boolean
}

/** It answers as much as it can make out. */
const LENIENCY: Leniency = {
  lineEnd: 'lf',
  framedBy: 'coding',
  counts: 'first',
  folded: 'continues',
  names: 'trimmed',
}

/** Requests with this in their target are answered before their body has come. */
export const EARLY = '/early/'

/** An endpoint that keeps every byte, and answers each request with its target, or as `answer` has it. */
export class Recorder implements AsyncDisposable {
  readonly #connections = new Set<Connection>()
  readonly #server: Server

  private constructor(answer: (request: PlacedRequest, socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection: Connection = { socket, recorded: [], waiting: '', isAnswered: false }
      this.#connections.add(connection)
      socket.on('error', () => {})
      socket.on('end', () => socket.end())
      socket.on('data', (bytes) => {
        connection.recorded.push(bytes)
        connection.waiting += bytes.toString('latin1')
        answerWhatIsThere(connection, answer)
      })
    })
  }

  static async start(
    port: number,
    answer: (request: PlacedRequest, socket: Socket) => void = echo,
  ): Promise<Recorder> {
    const recorder = new Recorder(answer)
    recorder.#server.listen(port, '127.0.0.1')
    await once(recorder.#server, 'listening')
    return recorder
  }

  /** What came since the last time, on each connection on which something did; those that have ended are forgotten. */
  take(): Recording[] {
    const recordings: Recording[] = []
    for (const connection of this.#connections) {
      const { socket, recorded } = connection
      const isOpen = !socket.readableEnded && !socket.destroyed
      if (recorded.length > 0) recordings.push({ pieces: recorded, isOpen })
      connection.recorded = []
      if (!isOpen) this.#connections.delete(connection)
    }
    return recordings
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const { socket } of this.#connections) socket.destroy()
    await closed
  }
}

function answerWhatIsThere(connection: Connection, answer: (request: PlacedRequest, socket: Socket) => void) {
  const cursor = new Cursor(connection.waiting, LENIENCY.lineEnd)
  let done = 0
  while (connection.socket.writable) {
    const request = nextRequest(cursor, LENIENCY)
    if (request === undefined) break
    const isReady = request.isComplete || request.line.includes(EARLY)
    if (isReady && !connection.isAnswered) answer(request, connection.socket)
    connection.isAnswered = isReady && !request.isComplete
    if (!request.isComplete) break
    done = request.end
  }
  connection.waiting = connection.waiting.slice(done)
}

/** The target of the request, as its content. */
export function echo(request: PlacedRequest, socket: Socket): void {
  const body = request.line.startsWith('HEAD ') ? '' : request.line
  const isLast = /^connection:[^\n]*close/im.test(request.head) || isOldAndLast(request.head)
  const connection = isLast ? 'Connection: close\r\n' : ''
  const text = `HTTP/1.1 200 OK\r\nContent-Length: ${request.line.length}\r\n${connection}\r\n${body}`
  if (isLast) socket.end(text, 'latin1')
  else socket.write(text, 'latin1')
}

function isOldAndLast(head: string): boolean {
  return /HTTP\/1\.0\r?\n/.test(head) && !/^connection:[^\n]*keep-alive/im.test(head)
}
