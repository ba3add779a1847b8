import { LINGER_MS } from '../relay/linger.ts'

/** Dropped at most; then the peer has to wait, and reads its answer meanwhile. */
const MAX_DROPPED_BYTES = 1024 * 1024

export interface LingeringWire {
  pause(): void
  close(): void
}

/** Bounds what is read of a connection that has been answered to its end: its time and its bytes. */
export class Lingering implements Disposable {
  readonly #wire: LingeringWire
  readonly #late: NodeJS.Timeout
  #left = MAX_DROPPED_BYTES

  constructor(wire: LingeringWire) {
    this.#wire = wire
    this.#late = setTimeout(() => wire.close(), LINGER_MS)
  }

  drop(bytes: number): void {
    this.#left -= bytes
    if (this.#left <= 0) this.#wire.pause()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#late)
  }
}
