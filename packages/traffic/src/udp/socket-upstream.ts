import type { Socket } from 'node:dgram'
import type { EndpointAddress, Path } from '@edgeway/core'
import type { DropReason } from './datagram-counts.ts'
import { connectedSocket, isCongested, sendFailure } from './datagram-socket.ts'
import type { Upstream, UpstreamEnd, UpstreamEvents } from './upstream.ts'

/** By plain UDP from this node, with a port of its own: that is how the endpoint tells clients apart. */
export class SocketUpstream implements Upstream {
  readonly path: Path
  readonly #socket: Socket
  readonly #events: UpstreamEvents
  /** One for all datagrams. Without it Node would swallow errors, and a refusal that the kernel tells but once. */
  readonly #sent: (error: Error | null) => void
  #isOver = false

  private constructor(path: Path, socket: Socket, events: UpstreamEvents) {
    this.path = path
    this.#socket = socket
    this.#events = events
    this.#sent = (error) => {
      if (error !== null && error !== undefined) this.#failed(error)
    }
    socket.on('message', (datagram) => {
      if (!this.#isOver) events.onAnswer(datagram)
    })
    socket.on('error', (error) => this.#failed(error))
  }

  /** @throws {DialError} when there is no way to the endpoint */
  static async connect(
    endpoint: EndpointAddress,
    path: Extract<Path, 'local' | 'routed'>,
    events: UpstreamEvents,
  ): Promise<SocketUpstream> {
    return new SocketUpstream(path, await connectedSocket(endpoint), events)
  }

  send(datagram: Buffer): DropReason | undefined {
    if (isCongested(this.#socket)) return 'congested'
    this.#socket.send(datagram, this.#sent)
    return undefined
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#socket.close()
  }

  #failed(error: Error): void {
    if (this.#isOver) return
    const failure = sendFailure(error)
    if (failure === 'refused') this.#end('refused')
    else this.#events.onDrop(failure)
  }

  #end(end: UpstreamEnd): void {
    this.close()
    this.#events.onEnd(end)
  }
}
