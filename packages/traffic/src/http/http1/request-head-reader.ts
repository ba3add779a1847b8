import type { Timers } from '../../timers.ts'
import { endOfHead, MAX_HEAD_BYTES, problemOfPartialHead } from '../message/head-end.ts'
import type { HeadProblem } from '../message/head-problem.ts'
import { parseRequestHead, type RequestHead } from '../message/request-head.ts'

export interface RequestHeadReaderOptions {
  /** From the first byte of a head to its last. */
  readonly headTimeoutMs: number
}

export interface RequestHeadReaderDeps {
  readonly timers: Pick<Timers, 'after'>
  /** The rest of a head did not come in time. */
  onTimeout(problem: HeadProblem): void
}

const TOO_LARGE: HeadProblem = {
  status: 431,
  problem: `The head of a request has at most ${MAX_HEAD_BYTES} bytes.`,
}

/**
 * Collects the heads of requests from what a client sends.
 *
 * HOT PATH: a head that comes in one piece is read where it lies.
 */
export class RequestHeadReader implements Disposable {
  /** What the last head was in, and where it ended there. */
  bytes: Buffer = Buffer.alloc(0)
  end = 0
  readonly #options: RequestHeadReaderOptions
  readonly #deps: RequestHeadReaderDeps
  /** Of a head that is not complete. */
  #partial: Buffer | undefined
  #late: Disposable | undefined

  constructor(options: RequestHeadReaderOptions, deps: RequestHeadReaderDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** A part of a head has come. */
  get isWithin(): boolean {
    return this.#partial !== undefined
  }

  /** @returns `undefined` where the head is not complete yet; otherwise `bytes` and `end` tell where it ends */
  read(more: Buffer): RequestHead | HeadProblem | undefined {
    const bytes = this.#partial === undefined ? more : Buffer.concat([this.#partial, more])
    const end = endOfHead(bytes, 0)
    if (end === -1) return this.#keep(bytes)
    this[Symbol.dispose]()
    this.bytes = bytes
    this.end = end
    return parseRequestHead(bytes.toString('latin1', 0, end))
  }

  /** Forgets the part of a head that has come. */
  [Symbol.dispose](): void {
    this.#partial = undefined
    this.#late?.[Symbol.dispose]()
    this.#late = undefined
  }

  #keep(bytes: Buffer): HeadProblem | undefined {
    if (bytes.length > MAX_HEAD_BYTES) return TOO_LARGE
    const problem = problemOfPartialHead(bytes)
    if (problem !== undefined) return problem
    // A copy of its own: what was read holds during the call only.
    this.#partial = Buffer.from(bytes)
    const { headTimeoutMs } = this.#options
    this.#late ??= this.#deps.timers.after(headTimeoutMs, () => {
      const sentence = `The head of the request did not come within ${headTimeoutMs} ms.`
      this.#deps.onTimeout({ status: 408, problem: sentence })
    })
    return undefined
  }
}
