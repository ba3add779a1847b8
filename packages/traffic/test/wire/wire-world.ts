import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type FinSender, loadFinSender, NODES_FIN } from '../../src/kernel/fin-sender.ts'
import { resetSocket } from '../../src/kernel/reset-socket.ts'
import { loadHandleBinding } from '../../src/relay/handle-binding.ts'
import { ReadBuffers } from '../../src/relay/read-buffers.ts'
import type { FlowEnd } from '../../src/relay/relay-engine.ts'
import { StreamWire } from '../../src/wire/stream-wire.ts'
import type { Wire, WireEvents } from '../../src/wire/wire.ts'
import { Wires, type WiresDeps } from '../../src/wire/wires.ts'

export const WIRE_KINDS = ['handle', 'stream'] as const

/** `handle, Node's FIN`: by handle on a machine without koffi. */
export type WireKind = (typeof WIRE_KINDS)[number] | "handle, Node's FIN"

/** A real connection: what the peer has in hand, and what a wire is made of. */
export interface Ends {
  readonly peer: Socket
  readonly near: FlowEnd
  readonly socket: Socket
}

/** Real sockets on loopback, and wires over them. */
export class WireWorld implements AsyncDisposable {
  readonly wires: Wires
  readonly buffers: ReadBuffers
  readonly #withNodesFin: Wires
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** By the port of the other side: several are on their way. */
  readonly #accepted = new Map<number | undefined, Socket>()

  private constructor(server: Server, deps: WiresDeps) {
    this.#server = server
    server.setMaxListeners(0).on('connection', (socket) => this.#accepted.set(socket.remotePort, socket))
    this.wires = new Wires(deps)
    this.#withNodesFin = new Wires({ ...deps, fin: NODES_FIN })
    this.buffers = deps.buffers
  }

  /** @param fin - the kernel's unless given */
  static async open(fin?: FinSender): Promise<WireWorld> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    server.listen({ port: 0, host: '127.0.0.1' })
    const [binding] = await Promise.all([loadHandleBinding(), once(server, 'listening')])
    if (binding === undefined) throw new Error('this Node lacks what is tested')
    return new WireWorld(server, { binding, fin: fin ?? (await loadFinSender()), buffers: new ReadBuffers() })
  }

  async ends(): Promise<Ends> {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the server does not listen')
    const options = { host: address.address, port: address.port, allowHalfOpen: true, noDelay: true }
    const peer = connect(options)
    await once(peer, 'connect')
    const socket = await this.#acceptedFrom(peer.localPort)
    for (const one of [peer, socket]) {
      this.#sockets.add(one)
      one.on('error', () => {}).on('close', () => this.#sockets.delete(one))
    }
    return { peer, socket, near: { stream: socket, reset: () => resetSocket(socket) } }
  }

  async #acceptedFrom(port: number | undefined): Promise<Socket> {
    for (;;) {
      const socket = this.#accepted.get(port)
      if (this.#accepted.delete(port) && socket !== undefined) return socket
      await once(this.#server, 'connection')
    }
  }

  wire(kind: WireKind, end: FlowEnd, events: WireEvents): Wire {
    if (kind === 'stream') return new StreamWire(end, events, this.buffers)
    return (kind === 'handle' ? this.wires : this.#withNodesFin).wire(end, events)
  }

  /** A wire whose events are kept. */
  async recorded(
    kind: WireKind,
  ): Promise<{ readonly peer: Socket; readonly wire: Wire; readonly told: Told }> {
    const { peer, near } = await this.ends()
    const told = new Told()
    return { peer, told, wire: this.wire(kind, near, told) }
  }

  /** Two wires whose bytes go to the peer of the other one. */
  async joined(kinds: readonly [WireKind, WireKind]): Promise<Joined> {
    const [a, b] = [await this.ends(), await this.ends()]
    const [one, other] = [new Forwarding(), new Forwarding()]
    const wires = [this.wire(kinds[0], a.near, one), this.wire(kinds[1], b.near, other)] as const
    one.join(wires[0], wires[1])
    other.join(wires[1], wires[0])
    for (const wire of wires) wire.resume()
    return { one: a.peer, other: b.peer, wires, closed: Promise.all([one.closed, other.closed]) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

export interface Recorded {
  readonly peer: Socket
  readonly wire: Wire
  readonly told: Told
}

export interface Joined {
  readonly one: Socket
  readonly other: Socket
  readonly wires: readonly [Wire, Wire]
  /** Both were told to be closed. */
  readonly closed: Promise<unknown>
}

/** Keeps what a wire tells. */
export class Told implements WireEvents {
  readonly events: string[] = []
  /** Bytes so far. */
  length = 0
  readonly #chunks: Buffer[] = []
  /** Called with each piece, from within. */
  onEach = (): void => {}
  #waiting: (() => void)[] = []

  onBytes(bytes: Buffer): void {
    this.#chunks.push(Buffer.from(bytes))
    this.length += bytes.length
    this.onEach()
    this.#happened('bytes')
  }

  onDrain(): void {
    this.#happened('drain')
  }

  onEnd(): void {
    this.#happened('end')
  }

  onClosed(): void {
    this.#happened('closed')
  }

  count(event: string): number {
    return this.events.filter((told) => told === event).length
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async event(name: string): Promise<void> {
    await this.until(() => this.events.includes(name))
  }

  #happened(event: string): void {
    this.events.push(event)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Writes what comes to another wire, as the owner of two wires does. */
class Forwarding implements WireEvents {
  readonly closed: Promise<void>
  readonly #resolve: () => void
  #from: Wire | undefined
  #to: Wire | undefined

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolve = resolve
  }

  join(from: Wire, to: Wire): void {
    this.#from = from
    this.#to = to
  }

  onBytes(bytes: Buffer): void {
    if (this.#to?.write(bytes) === false) this.#from?.pause()
  }

  /** Of the wire that this listens to: the other one may go on. */
  onDrain(): void {
    this.#to?.resume()
  }

  onEnd(): void {
    this.#to?.end()
  }

  onClosed(): void {
    if (this.#from?.hasEnded === false) this.#to?.reset()
    this.#resolve()
  }
}

/** Until nothing is under way on loopback any more. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
