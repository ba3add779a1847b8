/**
 * An HTTP server that says who answers:
 *
 * - any other request: JSON `{pod, node, path, method, client}`, client being `ip:port` as seen here
 * - `POST /sink`: reads the body, answers `{bytes, sha256}`
 * - `GET /bytes?n=N`: N bytes of `patternChunks`, as fast as the reader takes them
 * - `POST /stall?after=N`: reads N bytes of the body (0 unless given), then no more, and never answers
 * - `GET /stats`: `{sent, received, open}`: body bytes that the kernel took from /bytes, body bytes read by /sink
 *   and /stall, and connections open now; how far the two ends of a stopped transfer have come
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { patternChunks } from './byte-pattern.ts'
import { readWorkloadFlags, serve } from './workload-flags.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => unknown

const flags = readWorkloadFlags()
const transferred = { sent: 0, received: 0 }

const handlers: Readonly<Record<string, Handler>> = {
  'POST /sink': sink,
  'GET /bytes': bytes,
  'POST /stall': stall,
  'GET /stats': stats,
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://workload')
  const handler = handlers[`${request.method} ${url.pathname}`] ?? identify
  Promise.resolve(handler(request, response, url.searchParams)).catch(() => {
    // The client went away in the middle; the server goes on for the others.
    response.destroy()
  })
})
// Longer than any client keeps an idle connection, so that none is closed just as a request is on its way.
server.keepAliveTimeout = 300_000
// An upload may take as long as its reader likes.
server.requestTimeout = 0
serve(server, flags)

function identify(request: IncomingMessage, response: ServerResponse): void {
  const { remoteAddress, remotePort } = request.socket
  request.resume()
  answer(response, {
    pod: flags.name,
    node: flags.node,
    path: request.url,
    method: request.method,
    client: `${remoteAddress}:${remotePort}`,
  })
}

async function sink(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256')
  let count = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    count += chunk.length
    transferred.received += chunk.length
  }
  answer(response, { bytes: count, sha256: hash.digest('hex') })
}

async function bytes(_: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
  const count = Number(query.get('n') ?? 0)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': count })
  await pipeline(Readable.from(counted(count), { objectMode: false, highWaterMark: 0 }), response)
}

function* counted(byteCount: number): Generator<Buffer> {
  for (const chunk of patternChunks(byteCount)) {
    yield chunk
    // Asked for the next one: the socket has taken this one.
    transferred.sent += chunk.length
  }
}

async function stall(request: IncomingMessage, _: ServerResponse, query: URLSearchParams): Promise<void> {
  const after = Number(query.get('after') ?? 0)
  let count = 0
  if (after === 0) return
  request.on('data', (chunk: Buffer) => {
    count += chunk.length
    transferred.received += chunk.length
    if (count >= after) request.pause()
  })
}

function stats(request: IncomingMessage, response: ServerResponse): void {
  server.getConnections((_, open) => answer(response, { ...transferred, open }))
  request.resume()
}

function answer(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
