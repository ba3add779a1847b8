import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { resetSocket } from '../../src/kernel/reset-socket.ts'
import type { FlowEnd, Relay, RelayEngine, RelayLimits } from '../../src/relay/relay-engine.ts'

/** An engine, and what it needs to go away. */
export interface EngineUnderTest extends AsyncDisposable {
  readonly relay: RelayEngine['relay']
}

export const NO_LIMITS: RelayLimits = { idleTimeoutMs: undefined, maxDurationMs: undefined }

/** Two real connections: what the client and the endpoint have in hand, and what the relay is given. */
export interface Ends {
  readonly client: Socket
  readonly endpoint: Socket
  readonly near: { readonly client: FlowEnd; readonly endpoint: FlowEnd }
}

export interface Joined extends Ends {
  readonly relay: Relay
}

/** Real sockets on loopback around an engine under test. */
export class RelayWorld implements AsyncDisposable {
  readonly engine: EngineUnderTest
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** By the port of the other side: several are on their way. */
  readonly #accepted = new Map<number | undefined, Socket>()

  private constructor(engine: EngineUnderTest, server: Server) {
    this.engine = engine
    this.#server = server
    server.setMaxListeners(0).on('connection', (socket) => this.#accepted.set(socket.remotePort, socket))
  }

  static async open(make: () => Promise<EngineUnderTest>): Promise<RelayWorld> {
    const engine = await make()
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
    await once(server, 'listening')
    return new RelayWorld(engine, server)
  }

  /** @param limits - none unless given */
  async join(limits: RelayLimits = NO_LIMITS): Promise<Joined> {
    const ends = await this.ends()
    return { ...ends, relay: this.relay(ends, limits) }
  }

  relay({ near }: Ends, limits: RelayLimits = NO_LIMITS): Relay {
    return this.engine.relay(near.client, near.endpoint, limits)
  }

  /** Connections that nobody relays yet. */
  async ends(): Promise<Ends> {
    const [client, nearClient] = await this.#pair()
    const [nearEndpoint, endpoint] = await this.#pair()
    const near = { client: flowEnd(nearClient), endpoint: flowEnd(nearEndpoint) }
    return { client, endpoint, near }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await this.engine[Symbol.asyncDispose]()
  }

  /** The connecting socket, and the accepted one. */
  async #pair(): Promise<[Socket, Socket]> {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the server does not listen')
    const connecting = connect({
      port: address.port,
      host: address.address,
      allowHalfOpen: true,
      noDelay: true,
    })
    await once(connecting, 'connect')
    while (!this.#accepted.has(connecting.localPort)) await once(this.#server, 'connection')
    const accepted = this.#accepted.get(connecting.localPort)
    if (accepted === undefined) throw new Error('just accepted')
    this.#accepted.delete(connecting.localPort)
    const pair: [Socket, Socket] = [connecting, accepted]
    for (const socket of pair) {
      this.#sockets.add(socket)
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    }
    return pair
  }
}

function flowEnd(stream: Socket): FlowEnd {
  return { stream, reset: () => resetSocket(stream) }
}

/** Minds no error before. */
export function closed(socket: Socket): Promise<void> {
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()))
}

/** The code of the error that a socket dies of. */
export async function failure(socket: Socket): Promise<string> {
  const [error]: NodeJS.ErrnoException[] = await once(socket.resume(), 'error')
  return error?.code ?? 'none'
}
