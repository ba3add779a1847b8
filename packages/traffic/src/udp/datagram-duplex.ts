import type { Socket } from 'node:dgram'
import { Duplex } from 'node:stream'
import type { Timers } from '../timers.ts'
import type { DatagramCounts } from './datagram-counts.ts'
import { DatagramDecoder, encodeDatagram, REFUSED_MARK } from './datagram-frames.ts'
import { isCongested, sendFailure } from './datagram-socket.ts'

/** What waits for a slow tunnel at most; beyond that answers are dropped. */
const MAX_WAITING_BYTES = 256 * 1024

const END_TIMEOUT_MS = 5_000

export interface DatagramDuplexDeps {
  readonly timers: Timers
  readonly counts: DatagramCounts
  readonly idleTimeoutMs: number
}

/**
 * A connected UDP socket as a stream of frames. Never pushes back: what there is no room for is dropped. When the endpoint's
 * port is closed a mark says so before the end; when nothing has come or gone for too long it only ends. Its own
 * end (`end()`) lets the other direction end, too.
 */
export class DatagramDuplex extends Duplex {
  readonly #socket: Socket
  readonly #deps: DatagramDuplexDeps
  readonly #decoder: DatagramDecoder
  readonly #sent: (error: Error | null) => void
  #isOver = false
  #activeAt: number
  #idle: Disposable

  constructor(socket: Socket, deps: DatagramDuplexDeps) {
    super({ allowHalfOpen: true, readableHighWaterMark: MAX_WAITING_BYTES })
    this.#socket = socket
    this.#deps = deps
    this.#decoder = new DatagramDecoder({
      onDatagram: (datagram) => this.#toEndpoint(datagram),
      // Only endpoints refuse.
      onRefused: () => {},
      onLeftOut: () => deps.counts.dropped('congested'),
    })
    this.#sent = (error) => {
      if (error !== null && error !== undefined) this.#failed(error)
    }
    this.#activeAt = deps.timers.now()
    this.#idle = deps.timers.after(deps.idleTimeoutMs, () => this.#checkIdle())
    socket.on('message', (datagram) => this.#fromEndpoint(datagram))
    socket.on('error', (error) => this.#failed(error))
  }

  /** Datagrams are pushed as they come. */
  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#decoder.push(chunk)
    done()
  }

  override _final(done: () => void): void {
    this.finish()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#close()
    this.#idle[Symbol.dispose]()
    done(error)
  }

  #toEndpoint(datagram: Buffer): void {
    const { counts, timers } = this.#deps
    if (this.#isOver) {
      counts.dropped('not-served')
      return
    }
    this.#activeAt = timers.now()
    if (isCongested(this.#socket)) {
      counts.dropped('congested')
      return
    }
    counts.sent()
    this.#socket.send(datagram, this.#sent)
  }

  #fromEndpoint(datagram: Buffer): void {
    if (this.#isOver) return
    const { counts, timers } = this.#deps
    this.#activeAt = timers.now()
    if (this.readableLength > MAX_WAITING_BYTES) {
      counts.dropped('congested')
      return
    }
    counts.received()
    this.push(encodeDatagram(datagram))
  }

  #failed(error: Error): void {
    if (this.#isOver) return
    const failure = sendFailure(error)
    if (failure !== 'refused') {
      this.#deps.counts.dropped(failure)
      return
    }
    this.push(REFUSED_MARK)
    this.finish()
  }

  /** Armed once per timeout, not once per datagram. */
  #checkIdle(): void {
    const { timers, idleTimeoutMs } = this.#deps
    const leftMs = this.#activeAt + idleTimeoutMs - timers.now()
    if (leftMs <= 0) this.finish()
    else this.#idle = timers.after(leftMs, () => this.#checkIdle())
  }

  /** Ends both ways, as if nothing had come for too long. */
  finish(): void {
    if (this.#isOver) return
    this.#close()
    this.push(null)
    // The other node ends its side, too; one that does not must not keep the stream for ever.
    this.#idle = this.#deps.timers.after(END_TIMEOUT_MS, () => this.destroy())
  }

  #close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#idle[Symbol.dispose]()
    this.#socket.close()
  }
}
