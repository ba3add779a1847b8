import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { literalLookup } from '../literal-lookup.ts'
import { answerTo, type UdpEngine, type UdpListener, type UdpListenerDeps } from './udp-listener.ts'

/** By Node's own sockets: works everywhere. */
export const DGRAM_ENGINE: UdpEngine = {
  name: 'dgram',
  listen: (address, port, deps) => DgramListener.start(address, port, deps),
}

/** Reads and sends one datagram at a time. HOT PATH: an answer from memory is sent without a promise. */
class DgramListener implements UdpListener {
  readonly #socket: Socket
  readonly #deps: UdpListenerDeps
  readonly #answering = new Set<Promise<void>>()
  #isClosed = false

  private constructor(address: string, deps: UdpListenerDeps) {
    this.#socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: literalLookup })
    this.#deps = deps
  }

  static async start(address: string, port: number, deps: UdpListenerDeps): Promise<UdpListener> {
    const listener = new DgramListener(address, deps)
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
    const response = answerTo(message, from.address, this.#deps)
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
