import { Socket } from 'node:net'
import { type FinSender, loadFinSender } from '../kernel/fin-sender.ts'
import { BusyReaders } from '../relay/busy-readers.ts'
import { type HandleBinding, loadHandleBinding } from '../relay/handle-binding.ts'
import { ReadBuffers } from '../relay/read-buffers.ts'
import type { FlowEnd } from '../relay/relay-engine.ts'
import { HandleWire, type HandleWireDeps } from './handle-wire.ts'
import { StreamWire } from './stream-wire.ts'
import type { Wire, WireEvents } from './wire.ts'

export interface WiresDeps {
  /** `undefined`: this machine, or its operator, wants streams only. */
  readonly binding: HandleBinding | undefined
  readonly fin: FinSender
  readonly buffers: ReadBuffers
}

/** Makes the wires of a process, which share their memory for reads. */
export class Wires {
  readonly #buffers: ReadBuffers
  readonly #handles: HandleWireDeps | undefined

  constructor({ binding, fin, buffers }: WiresDeps) {
    this.#buffers = buffers
    this.#handles = binding && { binding, fin, buffers, busy: new BusyReaders() }
  }

  /** @param engine - `stream`: without Node's inner streams, even where they could be used */
  static async start({ engine }: { readonly engine: string }): Promise<Wires> {
    const binding = engine === 'stream' ? undefined : await loadHandleBinding()
    return new Wires({ binding, fin: await loadFinSender(), buffers: new ReadBuffers() })
  }

  /** Connections that hold a read buffer of their own just now. */
  get busyConnections(): number {
    return this.#handles?.busy.size ?? 0
  }

  /** Takes over the connection; nothing is read before `resume`. */
  wire(end: FlowEnd, events: WireEvents): Wire {
    return this.handleWire(end, events) ?? new StreamWire(end, events, this.#buffers)
  }

  /** The same for a plain TCP connection that can be read below its stream; `undefined` for all others. */
  handleWire(end: FlowEnd, events: WireEvents): Wire | undefined {
    const { stream: socket } = end
    if (this.#handles === undefined || !(socket instanceof Socket)) return undefined
    if (socket.destroyed || socket.writableEnded || socket.writableLength > 0) return undefined
    const handle = this.#handles.binding.handleOf(socket)
    return handle && new HandleWire({ end, socket, handle }, events, this.#handles)
  }
}
