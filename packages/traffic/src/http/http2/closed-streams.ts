import type { ServerHttp2Stream } from 'node:http2'
import type { Timers } from '../../timers.ts'

/** A stream that is closed at two looks in a row has nothing more to say. */
const LOOK_MS = 500

/**
 * Ends streams that their client has reset with NO_ERROR behind a response that still waited for room: `node:http2` closes these
 * without a word, and keeps them until their connection ends. No timer runs while no stream is open.
 */
export class ClosedStreams implements Disposable {
  readonly #timers: Pick<Timers, 'after'>
  readonly #open = new Set<ServerHttp2Stream>()
  #suspects: ReadonlySet<ServerHttp2Stream> = new Set()
  #timer: Disposable | undefined

  constructor(timers: Pick<Timers, 'after'>) {
    this.#timers = timers
  }

  opened(stream: ServerHttp2Stream): void {
    this.#open.add(stream)
    this.#timer ??= this.#timers.after(LOOK_MS, () => this.#look())
  }

  ended(stream: ServerHttp2Stream): void {
    this.#open.delete(stream)
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#open.clear()
  }

  #look(): void {
    const closed = new Set([...this.#open].filter((stream) => stream.closed))
    for (const stream of closed) if (this.#suspects.has(stream)) stream.destroy()
    this.#suspects = closed
    this.#timer = this.#open.size === 0 ? undefined : this.#timers.after(LOOK_MS, () => this.#look())
  }
}
