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

const NOTHING = Buffer.alloc(0)

/**
 * Collects the heads of requests from what a client sends.
 *
 * HOT PATH: a head that comes in one piece is read where it lies.
 */
export class RequestHeadReader implements Disposable {
  readonly #options: RequestHeadReaderOptions
  readonly #deps: RequestHeadReaderDeps
  /** Of a head that is not complete. */
  #partial: Buffer | undefined
  #rest: Buffer = NOTHING
  #late: Disposable | undefined

  constructor(options: RequestHeadReaderOptions, deps: RequestHeadReaderDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** A part of a head has come. */
  get isWithin(): boolean {
    return this.#partial !== undefined
  }

  /** @returns `undefined` where the head is not complete yet; otherwise `takeRest` has what comes behind it */
  read(more: Buffer): RequestHead | HeadProblem | undefined {
    const searched = this.#partial?.length ?? 0
    const bytes = this.#partial === undefined ? more : Buffer.concat([this.#partial, more])
    const end = endOfHead(bytes, 0, searched)
    if (end === -1) return this.#keep(bytes, searched)
    this[Symbol.dispose]()
    if (end < bytes.length) this.#rest = bytes.subarray(end)
    return parseRequestHead(bytes.toString('latin1', 0, end))
  }

  /** What came behind the head that was read last. Is given away, so that an idle connection holds no memory. */
  takeRest(): Buffer {
    const rest = this.#rest
    this.#rest = NOTHING
    return rest
  }

  /** Forgets the part of a head that has come. */
  [Symbol.dispose](): void {
    this.#partial = undefined
    this.#late?.[Symbol.dispose]()
    this.#late = undefined
  }

  #keep(bytes: Buffer, checked: number): HeadProblem | undefined {
    if (bytes.length > MAX_HEAD_BYTES) return TOO_LARGE
    const problem = problemOfPartialHead(bytes, checked)
    if (problem !== undefined) return problem
    // A copy of its own, unless it is one: what was read holds during the call only.
    this.#partial = checked > 0 ? bytes : Buffer.from(bytes)
    const { headTimeoutMs } = this.#options
    this.#late ??= this.#deps.timers.after(headTimeoutMs, () => {
      const sentence = `The head of the request did not come within ${headTimeoutMs} ms.`
      this.#deps.onTimeout({ status: 408, problem: sentence })
    })
    return undefined
  }
}
