import type { Connection } from '@libp2p/interface'
import { SilentConnectionError } from '../../../errors.ts'
import { transportOf } from '../../../host/connection-parts.ts'
import type { PeerPaths } from '../ways/candidates.ts'

export interface HedgeDeps {
  rttMs(connection: Connection): number | undefined
  /** Asks the other side for a sign of life. */
  ask(connection: Connection): void
  /** Sees to it that another path is open than that one. Resolves when it is clear whether there is one; never rejects. */
  prepare(peer: PeerPaths, silent: Connection): Promise<boolean>
}

/** A call that waits for the answer to its opening. */
export interface AwaitedAnswer extends Disposable {
  /** Aborts with a `SilentConnectionError` when the connection stays silent, and another path is open. */
  readonly signal: AbortSignal
}

/** Another way is prepared when an answer is overdue by so many round trips, and that time at least; */
const ROUND_TRIPS = 3
const MIN_PATIENCE_MS = 250
/** and taken after so many times as long: a lost segment is sent again meanwhile, and a question answered. */
const TIMES_TO_MOVE = 2.5

/** What calls wait for on one connection. */
interface Awaited {
  readonly connection: Connection
  readonly calls: Map<AbortController, PeerPaths>
  /** When bytes came last, or the first of the calls began. */
  quietSince: number
  isOverdue: boolean
  /** Whether there is another path; `undefined` before it is needed. */
  other: Promise<boolean> | undefined
  timer: NodeJS.Timeout | undefined
}

/**
 * Prepares another way while a call waits on a path that is silent, and takes the call there if it stays so. Any byte that
 * comes ends the doubt. `Liveness` judges the path itself, and takes its time for that.
 */
export class Hedge implements Disposable {
  readonly #deps: HedgeDeps
  readonly #awaited = new WeakMap<Connection, Awaited>()
  readonly #looking = new Set<Awaited>()

  constructor(deps: HedgeDeps) {
    this.#deps = deps
  }

  /** A call has left it for another path, and nothing has come since. */
  isOverdue(connection: Connection): boolean {
    return this.#awaited.get(connection)?.isOverdue ?? false
  }

  /** To be called when a flow is opened, and disposed of once that was answered. */
  watch(peer: PeerPaths, connection: Connection): AwaitedAnswer {
    const awaited = this.#of(connection)
    const call = new AbortController()
    if (awaited.timer === undefined) {
      awaited.quietSince = performance.now()
      this.#lookAt(awaited, awaited.quietSince + this.#patienceMs(connection))
    }
    awaited.calls.set(call, peer)
    return { signal: call.signal, [Symbol.dispose]: () => this.#ended(awaited, call) }
  }

  [Symbol.dispose](): void {
    for (const awaited of this.#looking) this.#stopLooking(awaited)
  }

  #of(connection: Connection): Awaited {
    const known = this.#awaited.get(connection)
    if (known !== undefined) return known
    const fresh = { quietSince: 0, isOverdue: false, other: undefined, timer: undefined }
    const awaited: Awaited = { connection, calls: new Map(), ...fresh }
    transportOf(connection).addEventListener('message', () => {
      awaited.quietSince = performance.now()
      awaited.isOverdue = false
      awaited.other = undefined
    })
    this.#awaited.set(connection, awaited)
    return awaited
  }

  #lookAt(awaited: Awaited, dueAt: number): void {
    this.#looking.add(awaited)
    // Where this process was busy, what has come meanwhile is read before.
    const look = (): void => void setImmediate(() => this.#look(awaited))
    awaited.timer = setTimeout(look, Math.max(dueAt - performance.now(), 1))
  }

  #look(awaited: Awaited): void {
    const [peer] = awaited.calls.values()
    const { connection, quietSince } = awaited
    if (peer === undefined || connection.status !== 'open') {
      this.#stopLooking(awaited)
      return
    }
    const patienceMs = this.#patienceMs(connection)
    const isQuietFor = (ms: number): boolean => performance.now() >= quietSince + ms - 1
    const moveMs = patienceMs * TIMES_TO_MOVE
    if (isQuietFor(patienceMs)) awaited.other ??= this.#prepare(peer, connection)
    if (isQuietFor(moveMs))
      void awaited.other?.then((isThere) => this.#move(awaited, { isThere, quietSince }))
    else this.#lookAt(awaited, quietSince + (isQuietFor(patienceMs) ? moveMs : patienceMs))
  }

  #prepare(peer: PeerPaths, connection: Connection): Promise<boolean> {
    this.#deps.ask(connection)
    return this.#deps.prepare(peer, connection)
  }

  #move(awaited: Awaited, { isThere, quietSince }: { isThere: boolean; quietSince: number }): void {
    if (!this.#looking.has(awaited)) return
    const isQuiet = awaited.quietSince === quietSince
    if (isThere && isQuiet) {
      awaited.isOverdue = true
      for (const call of awaited.calls.keys()) call.abort(new SilentConnectionError())
      this.#stopLooking(awaited)
    } else {
      if (isQuiet) awaited.other = undefined
      this.#lookAt(awaited, performance.now() + this.#patienceMs(awaited.connection))
    }
  }

  #ended(awaited: Awaited, call: AbortController): void {
    awaited.calls.delete(call)
    if (awaited.calls.size === 0) this.#stopLooking(awaited)
  }

  #stopLooking(awaited: Awaited): void {
    clearTimeout(awaited.timer)
    awaited.timer = undefined
    this.#looking.delete(awaited)
  }

  #patienceMs(connection: Connection): number {
    return Math.max(MIN_PATIENCE_MS, ROUND_TRIPS * (this.#deps.rttMs(connection) ?? 0))
  }
}
