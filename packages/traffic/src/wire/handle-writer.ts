import type { HandleBinding, StreamHandle, WriteRequest } from '../relay/handle-binding.ts'
import type { ReadBuffers } from '../relay/read-buffers.ts'

/** What a writer tells its wire. */
export interface WriterEvents {
  /** Nothing waits any more; told after a write that had to, and never from within one. */
  onWritten(): void
  /** The connection takes nothing more. What its peer sent before can still be read. */
  onUnwritable(): void
}

export interface HandleWriterDeps {
  readonly binding: HandleBinding
  readonly buffers: ReadBuffers
  readonly events: WriterEvents
}

/**
 * Writes to a handle. What the kernel has no room for waits in libuv, in order, and its memory is kept until it is gone.
 *
 * HOT PATH: a write that is done at once allocates nothing; one that is not takes a request object.
 */
export class HandleWriter {
  readonly #handle: StreamHandle
  readonly #deps: HandleWriterDeps
  #waiting = 0
  #hasFailed = false
  /** Serves until a write was not done at once. */
  #next: PendingWrite | undefined

  constructor(handle: StreamHandle, deps: HandleWriterDeps) {
    this.#handle = handle
    this.#deps = deps
  }

  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** @returns false where it waits, or has failed */
  write(bytes: Buffer): boolean {
    const { buffers } = this.#deps
    const next = this.#nextWrite()
    // The shared buffer is read into by others before a write that waits is done.
    const isShared = bytes.buffer === buffers.shared.buffer
    const lasting = isShared ? buffers.staged(bytes) : bytes
    const isDone = this.#settled(this.#handle.writeBuffer(next.request, lasting))
    if (this.#next === undefined) {
      next.request.buffer = lasting
      if (isShared) next.lent = buffers.keepStaged()
    }
    return isDone
  }

  writeText(text: string): boolean {
    const next = this.#nextWrite()
    // libuv has a copy of what it can't write at once.
    return this.#settled(this.#handle.writeLatin1String(next.request, text))
  }

  #nextWrite(): PendingWrite {
    this.#next ??= new PendingWrite(this.#deps.binding, this.#onWritten)
    return this.#next
  }

  /** Forgets the write that is next where libuv keeps it. */
  #settled(status: number): boolean {
    if (status !== 0) this.#fail()
    else if (this.#deps.binding.lastWriteWasAsync()) {
      this.#next = undefined
      this.#waiting += 1
    }
    return status === 0 && this.#waiting === 0
  }

  readonly #onWritten = (write: PendingWrite, status: number): void => {
    this.#waiting -= 1
    const { buffers, events } = this.#deps
    if (write.lent !== undefined) buffers.give(write.lent)
    write.lent = undefined
    if (status !== 0) this.#fail()
    else if (this.#waiting === 0) events.onWritten()
  }

  #fail(): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#deps.events.onUnwritable()
  }
}

class PendingWrite {
  readonly request: WriteRequest
  /** Goes back to the pool when the write is done. */
  lent: Buffer | undefined

  constructor(binding: HandleBinding, onDone: (write: PendingWrite, status: number) => void) {
    this.request = binding.newWrite((status) => onDone(this, status))
  }
}
