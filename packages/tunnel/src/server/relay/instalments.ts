import type { StreamMessageEvent } from '@libp2p/interface'

export type Bytes = StreamMessageEvent['data']

/**
 * How much goes on at once where bandwidth is limited. What a stream delivers in one go, up to its window of 1 MiB, would
 * else be followed by seconds of silence, which looks like a dead connection to the peers.
 */
const INSTALMENT_BYTES = 16 * 1024

export interface InstalmentsOptions {
  send(bytes: Bytes): void
  /** False while nothing should be sent; `more` is to be called when that is over. */
  hasRoom(): boolean
  /** How many milliseconds to send nothing more after so many bytes. */
  waitAfter(bytes: number): number
  /** Called when all that was taken is sent and waited for. */
  wantMore(): void
}

/** Sends on in small parts what a stream delivered, with a pause after each. */
export class Instalments implements Disposable {
  readonly #options: InstalmentsOptions
  #rest: Bytes[] = []
  #timer: NodeJS.Timeout | undefined
  #afterLast: (() => void) | undefined
  #isDisposed = false

  constructor(options: InstalmentsOptions) {
    this.#options = options
  }

  take(bytes: Bytes): void {
    this.#rest.push(bytes)
    if (this.#timer === undefined) this.#pay()
  }

  /** There is room again. */
  more(): void {
    if (this.#timer === undefined) this.#pay()
  }

  /** Calls back once all is sent. */
  afterLast(callback: () => void): void {
    if (this.#rest.length === 0) callback()
    else this.#afterLast = callback
  }

  /** Drops what was not sent. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#rest = []
    clearTimeout(this.#timer)
  }

  #pay(): void {
    const { send, hasRoom, waitAfter, wantMore } = this.#options
    while (hasRoom() && !this.#isDisposed) {
      const next = this.#cut()
      if (next === undefined) {
        wantMore()
        return
      }
      send(next)
      if (this.#rest.length === 0) this.#afterLast?.()
      const waitMs = waitAfter(next.byteLength)
      if (waitMs > 0 && !this.#isDisposed) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined
          this.#pay()
        }, waitMs)
        return
      }
    }
  }

  #cut(): Bytes | undefined {
    const [bytes] = this.#rest
    if (bytes === undefined || bytes.byteLength <= INSTALMENT_BYTES) return this.#rest.shift()
    this.#rest[0] = part(bytes, INSTALMENT_BYTES, bytes.byteLength)
    return part(bytes, 0, INSTALMENT_BYTES)
  }
}

function part(bytes: Bytes, start: number, end: number): Bytes {
  return bytes instanceof Uint8Array ? bytes.subarray(start, end) : bytes.sublist(start, end)
}
