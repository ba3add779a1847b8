/**
 * An HTTP/1.1 server that tells what reached it, and misbehaves when asked to.
 *
 *     origin.ts PORT [OPTIONS] NAME NODE
 *
 * - any path but these: `OriginAnswer` as JSON, once the body is there; with `mode`, see below, something else
 * - `GET /events?count=N`: so many server-sent events, each but the first only after a `POST /events/ack`
 * - `POST /held`: reads nothing of the body until `GET /release`; then `{bytes, sha256}`
 * - `POST /trailers`: the body's SHA-256 as trailer `x-sha256` of a chunked response, and the request's trailers as its content
 * - `GET /empty?status=204`: that status, and no content
 * - `GET /cut?framing=chunked`: breaks off after 100,000 bytes of a chunked response, or of one of a million bytes (`length`)
 * - `GET /until-close?n=N`: N bytes, which end with the connection
 * - `POST /early`: 413 before the body is read
 * - `/refused`: 413 to a client that expects 100 (Continue), which is never sent
 * - `GET /mode?status=503`: each request is answered with that status from now on; 200: as ever; 0: never answered
 * - `GET /stats`: `OriginStats`
 *
 * OPTIONS is JSON: `{"closeIdleAfterMs": 5}` closes connections that were idle for so long, without a word before.
 * At SIGTERM it ends after the requests under way, as servers do that drain.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { announce } from '../announce.ts'
import { streamBytes } from '../protocols/stream-bytes.ts'
import type { OriginAnswer, OriginStats } from './origin-answer.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => unknown

const [port = '', ...others] = process.argv.slice(2)
const [name = '', node = ''] = others.slice(-2)
const options = others.length === 3 ? JSON.parse(others[0] ?? '') : {}

const connections = new WeakMap<Socket, { readonly id: number; requests: number }>()
const seen = { connections: 0, requests: 0, received: 0, broken: 0 }
const waiting: { acknowledged?: () => void; released?: () => void } = {}
let mode = 200

const handlers: Readonly<Record<string, Handler>> = {
  '/events': events,
  '/events/ack': acknowledge,
  '/held': held,
  '/release': release,
  '/trailers': trailers,
  '/cut': cut,
  '/until-close': untilClose,
  '/early': early,
  '/empty': (_, response, query) => response.writeHead(Number(query.get('status'))).end(),
  '/mode': changeMode,
  '/stats': stats,
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin')
  const handler = handlers[pathname] ?? identify
  Promise.resolve(handler(request, response, searchParams)).catch(() => {
    // The client went away in the middle; the server goes on for the others.
    response.destroy()
  })
}

async function identify(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const connection = connections.get(request.socket)
  if (connection !== undefined) connection.requests += 1
  seen.requests += 1
  const { bytes, sha256 } = await contentOf(request).catch((error: unknown) => {
    seen.broken += 1
    throw error
  })
  if (mode === 0) return
  const { method = '', url = '', rawHeaders } = request
  const body: OriginAnswer = {
    ...{ pod: name, node, method, path: url, headers: rawHeaders, bytes, sha256 },
    connection: connection?.id ?? 0,
  }
  answer(response, body, mode)
}

async function events(_: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const count = Number(query.get('count'))
  for (let number = 0; number < count; number++) {
    const acknowledged = new Promise<void>((resolve) => {
      waiting.acknowledged = resolve
    })
    response.write(`id: ${number}\ndata: {"number":${number}}\n\n`)
    await acknowledged
  }
  response.end()
}

function acknowledge(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  waiting.acknowledged?.()
  response.writeHead(204).end()
}

async function held(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    waiting.released = resolve
  })
  answer(response, await contentOf(request))
}

function release(_: IncomingMessage, response: ServerResponse): void {
  waiting.released?.()
  response.writeHead(204).end()
}

async function trailers(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { sha256 } = await contentOf(request)
  response.writeHead(200, { trailer: 'x-sha256' })
  response.write(JSON.stringify(request.trailers))
  response.addTrailers({ 'x-sha256': sha256 })
  response.end()
}

function cut(_: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  const isChunked = query.get('framing') === 'chunked'
  response.writeHead(200, isChunked ? {} : { 'content-length': 1_000_000 })
  response.write(Buffer.alloc(100_000), () => response.socket?.destroy())
}

function untilClose(_: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  response.useChunkedEncodingByDefault = false
  response.shouldKeepAlive = false
  response.writeHead(200)
  response.end(streamBytes(Number(query.get('n')), 2))
}

function early(request: IncomingMessage, response: ServerResponse): void {
  answer(response, { pod: name }, 413)
  request.resume()
}

function changeMode(_: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  mode = Number(query.get('status'))
  answer(response, { mode })
}

function stats(_: IncomingMessage, response: ServerResponse): void {
  server.getConnections((__, open) => answer(response, { ...seen, open } satisfies OriginStats))
}

async function contentOf(request: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
    seen.received += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

function answer(response: ServerResponse, body: unknown, status = 200): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}

const server = createServer(serve)
server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
  if (request.url === '/refused') {
    answer(response, { pod: name }, 413)
    return
  }
  response.writeContinue()
  serve(request, response)
})
server.on('connection', (socket: Socket) => {
  seen.connections += 1
  connections.set(socket, { id: seen.connections, requests: 0 })
})
server.keepAliveTimeout = options.closeIdleAfterMs ?? 300_000
// As other servers, which don't announce how long they wait.
server.keepAliveTimeoutBuffer = 0
server.requestTimeout = 0
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
})
server.listen({ port: Number(port), backlog: 4_096 })
await once(server, 'listening')
announce(Number(port))
