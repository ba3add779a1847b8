/**
 * `grpc-origin.ts PORT`: a gRPC server in plain text whose every method is unary and sends back its message; writes a line
 * of JSON once it listens. Straight on HTTP/2, so that it is not what limits a bench.
 */
import { createServer, type ServerHttp2Stream } from 'node:http2'

const HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
const OK = { 'grpc-status': '0' }

const [port = ''] = process.argv.slice(2)

function answer(stream: ServerHttp2Stream): void {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => {
    stream.respond(HEADERS, { waitForTrailers: true })
    stream.end(Buffer.concat(chunks))
  })
  stream.on('wantTrailers', () => stream.sendTrailers(OK))
  // The client cancelled the call; the server goes on for the others.
  stream.on('error', () => stream.close())
}

const server = createServer({ settings: { maxConcurrentStreams: 1_000 } })
server.on('stream', answer)
server.on('sessionError', () => {})
server.listen(Number(port), () => process.stdout.write('{"listening":true}\n'))
