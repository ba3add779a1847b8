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
  readonly #free: Buffer[] = []
  readonly #memory = new WeakSet<ArrayBufferLike>([this.shared.buffer])

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
