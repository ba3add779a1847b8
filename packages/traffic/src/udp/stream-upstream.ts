import type { Duplex } from 'node:stream'
import type { EndpointConnection, Path } from '@edgeway/core'
import type { DropReason } from './datagram-counts.ts'
import { DatagramDecoder, encodeDatagram } from './datagram-frames.ts'
import type { Upstream, UpstreamEnd, UpstreamEvents } from './upstream.ts'

/** What waits for a slow tunnel at most; beyond that datagrams are dropped. */
const MAX_WAITING_BYTES = 256 * 1024

const END_TIMEOUT_MS = 5_000

/** Through the tunnel: each datagram behind its length. */
export class StreamUpstream implements Upstream {
  readonly path: Path
  readonly #stream: Duplex
  readonly #events: UpstreamEvents
  readonly #reset: () => void
  #late: NodeJS.Timeout | undefined
  #isOver = false

  constructor({ path, stream, reset }: EndpointConnection, events: UpstreamEvents) {
    this.path = path
    this.#stream = stream
    this.#events = events
    this.#reset = reset
    const decoder = new DatagramDecoder({
      onDatagram: (datagram) => {
        if (!this.#isOver) events.onAnswer(datagram)
      },
      onRefused: () => this.#end('refused'),
      onLeftOut: () => events.onDrop('congested'),
    })
    stream.on('data', (chunk: Buffer) => decoder.push(chunk))
    stream.on('end', () => this.#end('ended'))
    stream.on('error', () => this.#end('lost'))
    stream.on('close', () => {
      clearTimeout(this.#late)
      this.#end('lost')
    })
    // It may have died before it came here; its events are past then.
    if (stream.destroyed || stream.readableEnded) queueMicrotask(() => this.#end('lost'))
  }

  send(datagram: Buffer): DropReason | undefined {
    if (this.#stream.writableLength > MAX_WAITING_BYTES) return 'congested'
    this.#stream.write(encodeDatagram(datagram))
    return undefined
  }

  /** Ends the stream, so that the other node lets go of its socket at once. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    // With bytes that nobody takes the end would wait for ever.
    if (this.#stream.writableLength > 0) this.#reset()
    else {
      this.#stream.end()
      // The other node ends its side, too; one that does not must not keep the stream for ever.
      this.#late = setTimeout(this.#reset, END_TIMEOUT_MS).unref()
    }
  }

  #end(end: UpstreamEnd): void {
    if (this.#isOver) return
    this.close()
    this.#events.onEnd(end)
  }
}
