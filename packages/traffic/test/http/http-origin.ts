import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Endpoint } from '@edgeway/core'
import { endpointsOf } from '@edgeway/testbed'
import { NODE } from '../traffic-lab.ts'

/** A server of HTTP behind the mesh, on loopback. */
export class HttpOrigin implements AsyncDisposable {
  readonly #accepted: Socket[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      socket.on('error', () => {})
      this.#accepted.push(socket)
    })
  }

  /** One that Node's own parser serves. */
  static serving(listener: RequestListener): Promise<HttpOrigin> {
    return HttpOrigin.#start(createHttpServer({ keepAliveTimeout: 60_000 }, listener))
  }

  /** One that answers by itself, byte by byte. */
  static raw(onConnection: (socket: Socket) => void): Promise<HttpOrigin> {
    return HttpOrigin.#start(createServer({ allowHalfOpen: true }, onConnection))
  }

  /** Answers each request, once its head is complete, with what `answer` makes of its text. */
  static answering(answer: (head: string, socket: Socket) => string | undefined): Promise<HttpOrigin> {
    return HttpOrigin.raw((socket) => {
      let received = ''
      socket.on('data', (bytes) => {
        received += bytes.toString('latin1')
        for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
          const head = received.slice(0, end + 4)
          received = received.slice(end + 4)
          const text = answer(head, socket)
          if (text !== undefined) socket.write(text, 'latin1')
        }
      })
      socket.on('end', () => socket.end())
    })
  }

  static async #start(server: Server): Promise<HttpOrigin> {
    const origin = new HttpOrigin(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return origin
  }

  /** Of an origin that Node's parser serves: answers requests to switch protocols. */
  onUpgrade(listener: (request: IncomingMessage, socket: Duplex) => void): void {
    this.#server.on('upgrade', listener)
  }

  get endpoint(): Endpoint {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the origin does not listen')
    const [endpoint] = endpointsOf(`${NODE}/127.0.0.1:${address.port}`)
    if (endpoint === undefined) throw new Error('endpointsOf makes one of each text')
    return endpoint
  }

  /** Connections by which somebody has asked something, in order. */
  get connections(): readonly Socket[] {
    return this.#accepted.filter(({ bytesRead }) => bytesRead > 0)
  }

  /** Stops listening and resets all connections. */
  kill(): void {
    this.#server.close()
    for (const socket of this.#accepted) socket.resetAndDestroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill()
  }
}

/** A whole response. */
export function response(body: string, ...fields: readonly string[]): string {
  const lines = ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
