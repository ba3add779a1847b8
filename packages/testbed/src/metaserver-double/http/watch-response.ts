import type { ServerResponse } from 'node:http'
import type { WatchEvent } from '../../api-double/api-object.ts'
import type { WatchReader } from '../edge/watch-hub.ts'
import type { Faults } from '../faults/faults.ts'
import { type Format, representEvent } from './representation.ts'

/** The client's end of a watch: a JSON line per event, as fast as the client reads. */
export class WatchResponse implements WatchReader {
  readonly #response: ServerResponse
  readonly #format: Format
  readonly #faults: Readonly<Faults>
  readonly #maxWaiting: number
  /** Lines that the connection does not take now. */
  #waiting: string[] = []
  #hasRoom: (() => void) | undefined

  /** @param maxWaiting - events that wait before the sender does */
  constructor(
    response: ServerResponse,
    options: { readonly format: Format; readonly faults: Readonly<Faults>; readonly maxWaiting: number },
  ) {
    this.#response = response
    this.#format = options.format
    this.#faults = options.faults
    this.#maxWaiting = options.maxWaiting
    response.on('drain', () => this.#flush())
    response.once('close', () => this.#release())
  }

  replay(events: readonly WatchEvent[]): void {
    for (const { type, object } of events) this.send(type, object)
  }

  take({ type, object }: WatchEvent): Promise<void> | undefined {
    this.send(type, object)
    if (this.#waiting.length <= this.#maxWaiting || this.#response.destroyed) return undefined
    if (!this.#faults.slowReaderStalls) {
      this.#response.destroy()
      return undefined
    }
    return new Promise((resolve) => {
      this.#hasRoom = resolve
    })
  }

  send(type: string, object: unknown): void {
    if (this.#response.writableEnded || this.#response.destroyed) return
    this.#waiting.push(representEvent(type, object, this.#format))
    this.#flush()
  }

  end(): void {
    for (const line of this.#waiting) this.#response.write(line)
    this.#waiting = []
    this.#response.end()
  }

  #flush(): void {
    const taken = this.#waiting.findIndex((line) => {
      if (this.#response.writableNeedDrain) return true
      this.#response.write(line)
      return false
    })
    this.#waiting = taken === -1 ? [] : this.#waiting.slice(taken)
    if (this.#waiting.length <= this.#maxWaiting) this.#release()
  }

  #release(): void {
    this.#hasRoom?.()
    this.#hasRoom = undefined
  }
}
