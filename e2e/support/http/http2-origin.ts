/**
 * An HTTP/2 server without TLS, for clients that know it before. It answers with `{pod, path, sha256}` as JSON, the SHA-256 of the
 * request's body, and trailers: `x-sha256` and those of the request. `/flood?n=N` sends N bytes of `streamBytes`, seed 1.
 *
 *     http2-origin.ts PORT NAME NODE
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { announce } from '../announce.ts'
import { streamBytes } from '../protocols/stream-bytes.ts'

const PIECE_BYTES = 65_536
const [port = '', pod = ''] = process.argv.slice(2)

/** So that the server's session holds no more than what it may send. */
function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) yield bytes.subarray(from, from + PIECE_BYTES)
}

async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const { pathname, searchParams } = new URL(headers[':path'] ?? '/', 'http://origin')
  if (pathname === '/flood') {
    stream.respond({ ':status': 200 })
    await pipeline(Readable.from(piecesOf(streamBytes(Number(searchParams.get('n')), 1))), stream)
    return
  }
  const got: Record<string, unknown> = {}
  stream.on('trailers', (trailers: IncomingHttpHeaders) => Object.assign(got, trailers))
  const hash = createHash('sha256')
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk)
  const sha256 = hash.digest('hex')
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sha256': sha256, ...got }))
  stream.respond({ ':status': 200, 'content-type': 'application/json' }, { waitForTrailers: true })
  stream.end(`${JSON.stringify({ pod, path: headers[':path'], sha256 })}\n`)
}

const server = createServer()
server.on('stream', (stream, headers) => {
  stream.on('error', () => {})
  serve(stream, headers).catch(() => stream.destroy())
})
server.listen(Number(port))
await once(server, 'listening')
announce(Number(port))
