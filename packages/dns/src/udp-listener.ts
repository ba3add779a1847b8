import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { literalLookup } from './literal-lookup.ts'
import type { ResponderMetrics } from './metrics.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Responder } from './responder.ts'

export interface UdpListenerDeps {
  readonly responder: Pick<Responder, 'respond' | 'truncate'>
  /** Bounds the answers per client. */
  readonly limit: Pick<RateLimit, 'take'>
  readonly metrics: Pick<ResponderMetrics, 'dropped'>
  onFatal(error: Error): void
}

/** Answers datagrams. HOT PATH: an answer from memory leaves in the same turn, without a promise. */
export class UdpListener {
  readonly #socket: Socket
  readonly #deps: UdpListenerDeps
  readonly #answering = new Set<Promise<void>>()
  #isClosed = false

  private constructor(address: string, deps: UdpListenerDeps) {
    this.#socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: literalLookup })
    this.#deps = deps
  }

  /** Rejects with the system's error when the address can't be bound. */
  static async start(address: string, port: number, deps: UdpListenerDeps): Promise<UdpListener> {
    const listener = new UdpListener(address, deps)
    const socket = listener.#socket
    try {
      // Before the bind: with a lookup that answers at once, it emits at once.
      const listening = once(socket, 'listening')
      socket.bind(port, address)
      await listening
    } catch (error) {
      socket.close()
      throw error
    }
    socket.on('error', (error) => deps.onFatal(error))
    socket.on('message', listener.#receive)
    return listener
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Takes no more queries; resolves when those that wait for upstreams are answered. */
  async drain(): Promise<void> {
    this.#socket.off('message', this.#receive)
    await Promise.all(this.#answering)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.close()
  }

  readonly #receive = (message: Buffer, from: RemoteInfo): void => {
    if (from.port === 0) {
      // Nothing can be sent there, and the socket would throw.
      this.#deps.metrics.dropped('no-source-port', 'udp')
      return
    }
    const { responder, limit } = this.#deps
    const verdict = limit.take(from.address)
    if (verdict === 'drop') return
    const response =
      verdict === 'answer'
        ? responder.respond(message, { transport: 'udp', clientIp: from.address })
        : responder.truncate(message)
    if (response instanceof Promise) this.#answerLater(response, from)
    else if (response !== undefined) this.#send(response, from)
  }

  #answerLater(response: Promise<Buffer | undefined>, from: RemoteInfo): void {
    const answering = response.then((bytes) => {
      if (bytes !== undefined && !this.#isClosed) this.#send(bytes, from)
      this.#answering.delete(answering)
    })
    this.#answering.add(answering)
  }

  #send(response: Buffer, { port, address }: RemoteInfo): void {
    this.#socket.send(response, port, address, this.#sent)
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#deps.metrics.dropped('send-failed', 'udp')
  }
}
