import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Transport } from '../../src/handler.ts'
import { encodeFrame, FrameReader } from '../../src/listen/tcp/tcp-frames.ts'

export interface ReceivedQuery {
  readonly message: Buffer
  readonly transport: Transport
  /** The port that it came from. */
  readonly port: number
}

/** What an upstream sends back: nothing, one message or several, in order; `stranger` from another UDP socket. */
export type Reply = Buffer | { readonly stranger: Buffer }
export type Behaviour = (query: ReceivedQuery) => readonly Reply[] | Promise<readonly Reply[]>

/** A resolver for tests on loopback, UDP and TCP, that behaves as it is told: well, not at all, or badly. */
export class FakeUpstream implements AsyncDisposable {
  readonly received: ReceivedQuery[] = []
  /** Queries that only find out what becomes of them; with `answersProbes` they are like all others. */
  readonly probes: ReceivedQuery[] = []
  answersProbes = false
  /** TCP connections so far. */
  connections = 0
  /** May be changed while it runs. */
  behaviour: Behaviour
  readonly #udp = createSocket('udp4')
  readonly #stranger = createSocket('udp4')
  readonly #tcp: Server
  readonly #clients = new Set<Socket>()
  readonly #waiters = new Set<() => void>()
  #isClosed = false

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour
    this.#udp.on('message', (message, { port }) => {
      void this.#react({ message, transport: 'udp', port }, (reply) => {
        const [socket, bytes]: [UdpSocket, Buffer] = Buffer.isBuffer(reply)
          ? [this.#udp, reply]
          : [this.#stranger, reply.stranger]
        socket.send(bytes, port, '127.0.0.1')
      })
    })
    this.#tcp = createServer((client) => this.#accept(client))
  }

  static async start(behaviour: Behaviour): Promise<FakeUpstream> {
    for (let attempt = 1; ; attempt++) {
      const upstream = new FakeUpstream(behaviour)
      try {
        await upstream.#listen()
        return upstream
      } catch (error) {
        // The port that was free for TCP may be taken for UDP.
        upstream.#tcp.close()
        upstream.#stranger.close()
        if (attempt === 5) throw error
      }
    }
  }

  async #listen(): Promise<void> {
    this.#tcp.listen(0, '127.0.0.1')
    await once(this.#tcp, 'listening')
    const address = this.#tcp.address()
    this.#udp.bind(typeof address === 'object' ? address?.port : 0, '127.0.0.1')
    await once(this.#udp, 'listening')
  }

  get port(): number {
    return this.#udp.address().port
  }

  /** As in `DnsOptions.upstreams`. */
  get name(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Resolves when `count` queries have come. */
  async asked(count: number): Promise<void> {
    const enough = Promise.withResolvers<void>()
    const check = (): void => {
      if (this.received.length >= count) enough.resolve()
    }
    this.#waiters.add(check)
    check()
    await enough.promise
    this.#waiters.delete(check)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#udp.close()
    this.#stranger.close()
    for (const client of this.#clients) client.destroy()
    if (this.#tcp.listening) await this.refuseTcp()
  }

  /** Refuses TCP connections from here on. */
  async refuseTcp(): Promise<void> {
    this.#tcp.close()
    await once(this.#tcp, 'close')
  }

  /** Closes all TCP connections, as a server may at any time. */
  disconnect(): void {
    for (const client of this.#clients) client.destroy()
  }

  /** Resolves when no TCP connection is open. */
  async disconnected(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => once(client, 'close')))
  }

  #accept(client: Socket): void {
    const reader = new FrameReader(65_535)
    this.#clients.add(client)
    this.connections++
    client.on('close', () => this.#clients.delete(client))
    client.on('error', () => {
      // The responder may close as soon as it has what it wants.
    })
    const send = (reply: Reply): void => {
      if (Buffer.isBuffer(reply) && client.writable) client.write(encodeFrame(reply))
    }
    client.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk) ?? []) {
        void this.#react({ message, transport: 'tcp', port: client.remotePort ?? 0 }, send)
      }
    })
  }

  async #react(query: ReceivedQuery, send: (reply: Reply) => void): Promise<void> {
    const isProbe = /edgeway-loop-/i.test(query.message.toString('latin1'))
    if (isProbe) this.probes.push(query)
    if (isProbe && !this.answersProbes) return
    if (!isProbe) this.received.push(query)
    for (const waiter of this.#waiters) waiter()
    const replies = await this.behaviour(query)
    if (!this.#isClosed) for (const reply of replies) send(reply)
  }
}
