import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2'
import type { Endpoint, NodeName } from '@edgeway/core'
import { endpointAt } from '@edgeway/testbed'

export interface ServedStream {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly fields: readonly string[]
}

/** A server of HTTP/2 on loopback, as an Endpoint. */
export interface Http2Endpoint extends AsyncDisposable {
  readonly endpoint: Endpoint
  /** That are open, the oldest first. */
  readonly sessions: Set<ServerHttp2Session>
  /** Paths of the requests so far. */
  readonly seen: string[]
}

export async function startHttp2Endpoint(
  serve: (served: ServedStream) => void,
  settings: Settings = {},
): Promise<Http2Endpoint> {
  const sessions = new Set<ServerHttp2Session>()
  const seen: string[] = []
  const server = createServer({ settings })
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers, ...[, fields]: [number, string[]]) => {
    seen.push(headers[':path'] ?? '')
    stream.on('error', () => {})
    serve({ stream, headers, fields })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no address')
  const { address: ip, port } = address
  return {
    endpoint: endpointAt({ node: 'edge-1' as NodeName, ip, port, protocol: 'TCP' }),
    sessions,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const session of sessions) session.destroy()
      await closed
    },
  }
}

/** Answers with 200 and that text. */
export function answering(text: string): (served: ServedStream) => void {
  return ({ stream }) => {
    stream.respond({ ':status': 200 })
    stream.end(text)
  }
}
