import type { Wire } from '../../wire/wire.ts'
import { type HeadProblem, isProblem } from '../message/head-problem.ts'
import type { RequestHead } from '../message/request-head.ts'
import type { Exchange } from './exchange.ts'
import {
  RequestHeadReader,
  type RequestHeadReaderDeps,
  type RequestHeadReaderOptions,
} from './request-head-reader.ts'

/** Whose requests an intake takes. */
export interface IntakeOwner {
  /**
   * The head of a request is complete. Begins its exchange, and makes it the one of the intake.
   *
   * @param rest - what came behind it, where the intake is stopped meanwhile; otherwise the intake goes on with it
   */
  onRequest(head: RequestHead, rest: Buffer): void
  onProblem(problem: HeadProblem): void
  /** The client has ended its sending, and all that it had sent is done. */
  onAllTaken(): void
}

const NOTHING = Buffer.alloc(0)

export interface RequestIntakeDeps extends Pick<RequestHeadReaderDeps, 'timers'> {
  readonly options: RequestHeadReaderOptions
  readonly owner: IntakeOwner
}

/**
 * Takes what a client sends apart, into heads for the owner and bodies for the exchange that is under way. What can't be
 * taken yet is kept, up to what one read brings; meanwhile the client is not read.
 *
 * HOT PATH: a request that comes in one piece is read where it lies.
 */
export class RequestIntake {
  /** Of the request that is under way. */
  exchange: Exchange | undefined
  /** Nothing more is taken. */
  isStopped = false
  readonly #wire: Wire
  readonly #owner: IntakeOwner
  readonly #heads: RequestHeadReader
  /** What came behind the part of the request that could be sent on. */
  #unread: Buffer | undefined
  #isPumping = false
  #isPaused = false

  constructor(wire: Wire, { options, timers, owner }: RequestIntakeDeps) {
    this.#wire = wire
    this.#owner = owner
    this.#heads = new RequestHeadReader(options, {
      timers,
      onTimeout: (problem) => owner.onProblem(problem),
    })
  }

  /** A part of a head has come. */
  get isWithinHead(): boolean {
    return this.#heads.isWithin
  }

  get hasUnread(): boolean {
    return this.#unread !== undefined
  }

  take(bytes: Buffer): void {
    this.#take(bytes)
    this.pump()
  }

  /** Goes on with what waits, as far as it can, then reads or stops reading. */
  pump(): void {
    // Requests that are answered at once end within the loop.
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#unread !== undefined && !this.isStopped && this.#canTake) {
      const bytes = this.#unread
      this.#unread = undefined
      this.#take(bytes)
    }
    this.#isPumping = false
    this.#pace()
  }

  /** @returns what is still to be taken, by somebody else */
  stop(): Buffer {
    this.isStopped = true
    this.#heads[Symbol.dispose]()
    const unread = this.#unread ?? NOTHING
    this.#unread = undefined
    return unread
  }

  get #canTake(): boolean {
    return this.exchange === undefined
      ? !this.#wire.isFull
      : this.exchange.takesBody && !this.exchange.isUpstreamFull
  }

  #pace(): void {
    if (this.isStopped) return
    if (this.exchange === undefined && this.#unread === undefined && this.#wire.hasEnded) {
      this.#owner.onAllTaken()
      return
    }
    const isHeld =
      this.#unread !== undefined ||
      this.exchange?.isUpstreamFull === true ||
      (this.exchange === undefined && this.#wire.isFull)
    if (isHeld === this.#isPaused) return
    this.#isPaused = isHeld
    if (isHeld) this.#wire.pause()
    else this.#wire.resume()
  }

  /** Takes what it can of the bytes: the rest of a head, of a body; keeps what is to wait. */
  #take(bytes: Buffer): void {
    if (this.isStopped) return
    if (this.#unread !== undefined) this.#keep(bytes)
    else if (this.exchange === undefined) this.#takeHead(bytes)
    else this.#takeBody(bytes)
  }

  #takeHead(more: Buffer): void {
    const heads = this.#heads
    const head = heads.read(more)
    if (head === undefined) return
    if (isProblem(head)) {
      this.#owner.onProblem(head)
      return
    }
    const rest = heads.takeRest()
    this.#owner.onRequest(head, rest)
    if (rest.length > 0) this.#takeBody(rest)
  }

  #takeBody(bytes: Buffer): void {
    const { exchange } = this
    const end = exchange?.takesBody === true ? exchange.takeBody(bytes, 0) : 0
    if (end !== -1 && end < bytes.length && !this.isStopped) this.#keep(bytes.subarray(end))
  }

  #keep(bytes: Buffer): void {
    if (this.#unread !== undefined) this.#unread = Buffer.concat([this.#unread, bytes])
    // What waited before is a copy already: many requests that came at once are not copied once more for each.
    else this.#unread = this.#isPumping ? bytes : Buffer.from(bytes)
  }
}
