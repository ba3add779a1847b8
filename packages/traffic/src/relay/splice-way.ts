import { EAGAIN, EPIPE, type Pipe, type SpliceCalls } from './splice-calls.ts'

/** Of each pipe: so much of one way may wait in the kernel beside the buffers of both connections. */
export const PIPE_BYTES = 512 * 1024
/** Then others have their turn. */
const MAX_ROUNDS = 16
const MAX_POOLED_PIPES = 16

/** Pipes without a byte in them. A way has one only while it moves bytes or holds some that wait. */
export class Pipes {
  readonly #calls: SpliceCalls
  readonly #free: Pipe[] = []

  constructor(calls: SpliceCalls) {
    this.#calls = calls
  }

  take(): Pipe | undefined {
    return this.#free.pop() ?? this.#calls.pipe(PIPE_BYTES)
  }

  give(pipe: Pipe): void {
    if (this.#free.length < MAX_POOLED_PIPES) this.#free.push(pipe)
    else this.discard(pipe)
  }

  /** For a pipe with bytes in it. */
  discard({ readFd, writeFd }: Pipe): void {
    this.#calls.close(readFd)
    this.#calls.close(writeFd)
  }

  close(): void {
    for (const pipe of this.#free.splice(0)) this.discard(pipe)
  }
}

/** What a way does after it was pumped. */
export type WayState =
  | 'waiting'
  | 'unfinished'
  | 'starved'
  | 'ended'
  | 'source-broken'
  | 'target-broken'
  /** Its peer had ended its sending before it reset the connection. */
  | 'target-closed'

/** One direction of a flow: from one connection through a pipe to the other, as far as both let it. */
export class SpliceWay {
  /** Read from the source. */
  bytes = 0
  /** The source has ended; so has the target, once all bytes are in it. */
  hasEnded = false
  isFinished = false
  readonly #from: number
  readonly #to: number
  readonly #calls: SpliceCalls
  readonly #pipes: Pipes
  #pipe: Pipe | undefined
  #inPipe = 0
  #isDropping = false

  constructor(fds: { readonly from: number; readonly to: number }, calls: SpliceCalls, pipes: Pipes) {
    this.#from = fds.from
    this.#to = fds.to
    this.#calls = calls
    this.#pipes = pipes
  }

  /** From here on what comes is read and forgotten. */
  drop(): void {
    this.#isDropping = true
    this.close()
  }

  /** Reads until the source has nothing: a short read proves nothing, as the end may have come in the same edge. */
  pump(): WayState {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const state = this.#inPipe > 0 ? this.#flush() : this.#fill()
      if (state !== undefined) return state
    }
    return 'unfinished'
  }

  close(): void {
    if (this.#pipe === undefined) return
    if (this.#inPipe === 0) this.#pipes.give(this.#pipe)
    else this.#pipes.discard(this.#pipe)
    this.#pipe = undefined
    this.#inPipe = 0
  }

  #flush(): WayState | undefined {
    const count = this.#calls.splice(this.#pipe?.readFd ?? -1, this.#to, this.#inPipe)
    if (count > 0) this.#inPipe -= count
    else if (count === EAGAIN) return 'waiting'
    else return count === EPIPE ? 'target-closed' : 'target-broken'
    return undefined
  }

  #fill(): WayState | undefined {
    if (this.hasEnded) return this.#end()
    if (!this.#isDropping) this.#pipe ??= this.#pipes.take()
    if (!this.#isDropping && this.#pipe === undefined) return 'starved'
    const count = this.#take()
    if (count === 0) this.hasEnded = true
    else if (count === EAGAIN) {
      this.close()
      return 'waiting'
    } else if (count < 0) return 'source-broken'
    return undefined
  }

  #take(): number {
    if (this.#isDropping) return this.#calls.discard(this.#from, PIPE_BYTES)
    const count = this.#calls.splice(this.#from, this.#pipe?.writeFd ?? -1, PIPE_BYTES)
    if (count > 0) {
      this.#inPipe = count
      this.bytes += count
    }
    return count
  }

  #end(): WayState {
    this.close()
    if (!this.isFinished && !this.#isDropping && this.#calls.shutdownWrite(this.#to) < 0)
      return 'target-broken'
    this.isFinished = true
    return 'ended'
  }
}
