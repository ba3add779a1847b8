import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { PodRuntimeError } from '../pod-runtime.ts'

/** The kubelet's own limit for answers of the runtime. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
/** One byte that says whether the message is compressed, four with its length. */
const PREFIX_BYTES = 5
/** @see https://grpc.io/docs/guides/status-codes/ */
const GRPC_OK = '0'
export const GRPC_NOT_FOUND = '5'

/** The runtime has answered that it can't or won't. */
export class GrpcError extends PodRuntimeError {
  /** A number from gRPC's closed set. */
  readonly status: string

  constructor(method: string, status: string, reason: string) {
    super(`${method} was answered with gRPC status ${status}: ${reason}`)
    this.status = status
  }
}

/**
 * gRPC over a unix socket, as much of it as calls with one message in each direction take.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class GrpcSession implements Disposable {
  readonly #path: string
  readonly #session: ClientHttp2Session
  #failure: Error | undefined

  /** @param path - of the socket. Whether it can be connected to shows with the first call. */
  constructor(path: string) {
    this.#path = path
    this.#session = connect('http://localhost', { createConnection: () => connectSocket(path) })
    this.#session.on('error', (error: Error) => {
      this.#failure = error
    })
  }

  [Symbol.dispose](): void {
    this.#session.destroy()
  }

  /**
   * @param method - `/package.Service/Method`
   * @returns the message of the answer
   * @throws {GrpcError} when the runtime says no; {@link PodRuntimeError} when it does not answer
   */
  async call(method: string, request: Buffer, signal: AbortSignal): Promise<Buffer> {
    try {
      return await this.#call(method, request, signal)
    } catch (error) {
      if (error instanceof PodRuntimeError) throw error
      throw this.#asRuntimeError(signal.aborted ? signal.reason : (this.#failure ?? error))
    }
  }

  async #call(method: string, request: Buffer, signal: AbortSignal): Promise<Buffer> {
    const headers = { ':method': 'POST', ':path': method, 'content-type': 'application/grpc', te: 'trailers' }
    const stream = this.#session.request(headers, { signal })
    let answered: IncomingHttpHeaders = {}
    const note = (more: IncomingHttpHeaders): void => {
      answered = { ...answered, ...more }
    }
    // The status is in the trailers, or in the headers of an answer without message.
    stream.on('response', note)
    stream.on('trailers', note)
    stream.end(framed(request))
    const body = await bodyOf(stream)
    const { 'grpc-status': status = 'none', 'grpc-message': reason = '' } = answered
    if (status !== GRPC_OK) throw new GrpcError(method, String(status), String(reason))
    return unframed(body)
  }

  #asRuntimeError(cause: unknown): PodRuntimeError {
    const why = cause instanceof Error ? cause.message || cause.name : String(cause)
    return new PodRuntimeError(`${this.#path} can't be asked: ${why}`, { cause })
  }
}

async function bodyOf(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new PodRuntimeError('the runtime answered with more than 16 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

function unframed(body: Buffer): Buffer {
  const isWhole = body.length >= PREFIX_BYTES && body.length === PREFIX_BYTES + body.readUInt32BE(1)
  // No compression was offered.
  if (!isWhole || body[0] !== 0)
    throw new PodRuntimeError('the runtime answered with something that is not gRPC')
  return body.subarray(PREFIX_BYTES)
}
