/** What is known of a connection before anybody has said who it is from. */
interface Arriving {
  addEventListener(type: 'close', listener: () => void): void
}

export interface ArrivalsOptions {
  /** Connections that may be on their way from accepted to joined at the same time. */
  readonly atOnce: number
  /** One that is on its way for longer makes room for the next, and goes on: strangers keep nobody out. */
  readonly patienceMs: number
  /** Others wait for their turn that long; then they are sent away, before the other side gives up. */
  readonly maxWaitMs: number
  /** So many may wait. */
  readonly maxWaiting: number
}

interface Waiting {
  readonly let: (isAdmitted: boolean) => void
  readonly timer: NodeJS.Timeout
}

/**
 * Lets connections in by turns, some at a time. A handshake and a join cost the server milliseconds; a thousand agents that
 * come back at once would all be served at the same time, each so slowly that all give up and begin anew. By turns, the newest
 * first, whoever is served is served in time, and waiting costs nothing.
 */
export class Arrivals implements Disposable {
  readonly #options: ArrivalsOptions
  /** The newest one last. */
  #waiting: Waiting[] = []
  /** By what `admit` was given; each ends one way or another, once. */
  readonly #underway = new Map<string, NodeJS.Timeout>()

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  /** How many are on their way. */
  get underway(): number {
    return this.#underway.size
  }

  /**
   * Resolves when it is the connection's turn; false: it is not to be let in.
   *
   * @param address - of the other side, with its port
   */
  async admit(address: string, connection: Arriving): Promise<boolean> {
    const isAdmitted = this.#underway.size < this.#options.atOnce || (await this.#turn(connection))
    if (!isAdmitted) return false
    const timer = setTimeout(() => this.done(address), this.#options.patienceMs)
    this.#underway.set(address, timer)
    connection.addEventListener('close', () => this.done(address))
    return true
  }

  /** The connection's peer has joined, or it is closed: the next one may come. */
  done(address: string): void {
    const timer = this.#underway.get(address)
    if (timer === undefined) return
    clearTimeout(timer)
    this.#underway.delete(address)
    // The newest: its side has all its patience still before it. Those that have waited for long are about to give up, and
    // what is spent on them is lost; they come again as the newest.
    const next = this.#waiting.at(-1)
    if (next !== undefined) this.#end(next, true)
  }

  [Symbol.dispose](): void {
    for (const timer of this.#underway.values()) clearTimeout(timer)
    for (const waiting of [...this.#waiting]) this.#end(waiting, false)
  }

  #turn(connection: Arriving): Promise<boolean> {
    const { maxWaiting, maxWaitMs } = this.#options
    if (this.#waiting.length >= maxWaiting) return Promise.resolve(false)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const waiting: Waiting = { let: resolve, timer: setTimeout(() => this.#end(waiting, false), maxWaitMs) }
    this.#waiting.push(waiting)
    connection.addEventListener('close', () => this.#end(waiting, false))
    return promise
  }

  #end(waiting: Waiting, isAdmitted: boolean): void {
    const at = this.#waiting.lastIndexOf(waiting)
    if (at === -1) return
    this.#waiting.splice(at, 1)
    clearTimeout(waiting.timer)
    waiting.let(isAdmitted)
  }
}
