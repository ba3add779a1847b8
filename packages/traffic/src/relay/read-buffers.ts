import { ViewedBuffer } from './viewed-buffer.ts'

/** Of each of the pooled buffers, and of the shared one. */
export const READ_BUFFER_BYTES = 64 * 1024

/** More of them than this wait for use only until the next garbage collection. */
const MAX_POOLED = 32

/**
 * Memory for reads. All idle connections read into one shared buffer: libuv reads and tells of it in one go, so what is
 * in there is gone before anybody else reads. A busy connection has one of its own meanwhile.
 */
export class ReadBuffers {
  readonly shared = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
  readonly #sharedViews = new ViewedBuffer(this.shared)
  readonly #free: Buffer[] = []
  #staging: ViewedBuffer | undefined
  readonly #memory = new WeakSet<ArrayBufferLike>([this.shared.buffer])

  /** The beginning of the shared one. */
  firstOfShared(bytes: number): Buffer {
    return this.#sharedViews.first(bytes)
  }

  /** A copy that holds until the next call, unless it is kept. */
  staged(bytes: Buffer): Buffer {
    this.#staging ??= new ViewedBuffer(this.take())
    bytes.copy(this.#staging.whole)
    return this.#staging.first(bytes.length)
  }

  /** @returns what the latest copy lies in; from here on it is the caller's, to be given back */
  keepStaged(): Buffer | undefined {
    const kept = this.#staging?.whole
    this.#staging = undefined
    return kept
  }

  take(): Buffer {
    return this.#free.pop() ?? this.#make()
  }

  /** True for bytes in one of these buffers: they change when it is read into again. */
  owns({ buffer }: Buffer): boolean {
    return this.#memory.has(buffer)
  }

  give(buffer: Buffer): void {
    if (this.#free.length < MAX_POOLED) this.#free.push(buffer)
  }

  #make(): Buffer {
    const made = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
    this.#memory.add(made.buffer)
    return made
  }
}
