import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'

/** What came of a request. */
export interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly fields: readonly string[]
  readonly interim: readonly IncomingHttpHeaders[]
  readonly trailers: IncomingHttpHeaders | undefined
  readonly body: string
  /** END_STREAM came, or nothing but the end of the stream. */
  readonly rstCode: number
}

export interface ClientConnection extends AsyncDisposable {
  readonly session: ClientHttp2Session
  open(
    fields: readonly string[],
    how?: { readonly endStream?: boolean; readonly waitForTrailers?: boolean },
  ): ClientHttp2Stream
  get(path: string, more?: readonly string[]): Promise<Answer>
  post(path: string, body: string, more?: readonly string[]): Promise<Answer>
}

/** Connects with prior knowledge. */
export async function connectHttp2(url: string): Promise<ClientConnection> {
  const session = connect(url)
  session.on('error', () => {})
  await once(session, 'connect')
  const open: ClientConnection['open'] = (fields, how = {}) => session.request(fields, how)
  return {
    session,
    open,
    get: (path, more = []) => answerTo(open(requestFields('GET', path, more), { endStream: true })),
    post(path, body, more = []) {
      const stream = open(requestFields('POST', path, more), { endStream: false })
      stream.end(body)
      return answerTo(stream)
    },
    async [Symbol.asyncDispose]() {
      if (session.destroyed) return
      const closed = once(session, 'close')
      session.destroy()
      await closed
    },
  }
}

export function requestFields(method: string, path: string, more: readonly string[] = []): string[] {
  return [':method', method, ':scheme', 'http', ':authority', 'api.shop', ':path', path, ...more]
}

/** Never rejects: a reset is told by its code. */
export function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  let head: Pick<Answer, 'headers' | 'fields'> = { headers: {}, fields: [] }
  let trailers: IncomingHttpHeaders | undefined
  const interim: IncomingHttpHeaders[] = []
  const chunks: Buffer[] = []
  stream.on('headers', (headers: IncomingHttpHeaders) => void interim.push(headers))
  stream.on('response', (headers, _flags, fields: string[]) => {
    head = { headers, fields }
  })
  stream.on('trailers', (headers: IncomingHttpHeaders) => {
    trailers = headers
  })
  stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
  stream.on('error', () => {})
  stream.on('close', () => {
    const status = head.headers[':status']
    const body = Buffer.concat(chunks).toString('latin1')
    resolve({
      ...head,
      ...{ status: status === undefined ? undefined : Number(status), interim, trailers, body },
      rstCode: stream.rstCode ?? 0,
    })
  })
  return promise
}

/** Of a request by HTTP/2, as trailers: an object without its symbol. */
export function plain(
  headers: IncomingHttpHeaders | OutgoingHttpHeaders | undefined,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers ?? {}))
}
