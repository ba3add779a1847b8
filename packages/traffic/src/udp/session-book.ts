import type { Counter, Gauge } from '@edgeway/core'
import type { Timers } from '../timers.ts'
import { type ActivityEntry, ActivityList } from './activity-list.ts'
import type { UdpOptions } from './udp-options.ts'

/** How long a session may be silent: DNS asks once and is answered once. */
export type SessionKind = 'plain' | 'dns'

/** A session as the book sees it. */
export interface BookedSession {
  readonly kind: SessionKind
  /** Nothing more is expected by now: it has got an answer, or of DNS one for each question. */
  readonly isSettled: boolean
  readonly port: SessionLimit
  readonly placeInBook: ActivityEntry<BookedSession>
  readonly placeInPort: ActivityEntry<BookedSession>
  /** Ends it; it takes itself out of the book. */
  expire(): void
}

/** The sessions of one ServicePort in one family, as far as their number goes. */
export class SessionLimit {
  count = 0
  readonly settled = new ActivityList<BookedSession>()
}

export interface SessionBookDeps {
  readonly timers: Timers
  readonly active: Gauge<never>
  readonly evictions: Counter<never>
}

/** How exact the ends of sessions are. */
const SWEEP_MS = 500

interface Waiting {
  readonly open: ActivityList<BookedSession>
  readonly openTimeoutMs: number
  readonly settled: ActivityList<BookedSession>
  readonly settledTimeoutMs: number
}

/**
 * All sessions of the node by their last activity: ends those that are silent for too long, and makes room where there are
 * too many. There is one timer for all; a datagram costs no more than moving its session to the end of its list.
 */
export class SessionBook implements Disposable {
  readonly #options: UdpOptions
  readonly #deps: SessionBookDeps
  readonly #lists: Readonly<Record<SessionKind, Waiting>>
  #count = 0
  #sweep: Disposable | undefined

  constructor(options: UdpOptions, deps: SessionBookDeps) {
    this.#options = options
    this.#deps = deps
    const { idleTimeoutMs, dnsUnansweredTimeoutMs, dnsAnsweredTimeoutMs } = options
    this.#lists = {
      plain: waiting(idleTimeoutMs, idleTimeoutMs),
      dns: waiting(dnsUnansweredTimeoutMs, dnsAnsweredTimeoutMs),
    }
  }

  get count(): number {
    return this.#count
  }

  /**
   * Sees to it that one more session may begin. Where a limit is reached, the one with an answer that has been silent for
   * longest ends: of that ServicePort for its limit, of all for the node's.
   *
   * @returns false when all that are there still wait for an answer
   */
  makeRoom(port: SessionLimit): boolean {
    if (port.count >= this.#options.maxSessionsPerServicePort) return this.#evict(port.settled.first)
    if (this.#count >= this.#options.maxSessions) return this.#evict(this.#longestIdle())
    return true
  }

  add(session: BookedSession): void {
    this.#count++
    session.port.count++
    this.#deps.active.set({}, this.#count)
    this.touch(session)
    this.#sweep ??= this.#deps.timers.after(SWEEP_MS, () => this.#sweepOnce())
  }

  /**
   * A datagram has come or gone; also to be called for the first one. One that waits for an answer keeps its time: a client
   * that goes on asking would else stay for ever with an endpoint that says nothing.
   */
  touch(session: BookedSession): void {
    const now = this.#deps.timers.now()
    const { open, settled } = this.#lists[session.kind]
    if (session.isSettled) {
      settled.touch(session.placeInBook, now)
      session.port.settled.touch(session.placeInPort, now)
    } else {
      if (session.placeInBook.list !== open) open.touch(session.placeInBook, now)
      session.port.settled.remove(session.placeInPort)
    }
  }

  /** To be called once for each session that was added. */
  remove({ port, placeInBook, placeInPort }: BookedSession): void {
    placeInBook.list?.remove(placeInBook)
    port.settled.remove(placeInPort)
    port.count--
    this.#count--
    this.#deps.active.set({}, this.#count)
  }

  [Symbol.dispose](): void {
    this.#sweep?.[Symbol.dispose]()
  }

  #evict(entry: ActivityEntry<BookedSession> | undefined): boolean {
    if (entry === undefined) return false
    this.#deps.evictions.add({})
    entry.item.expire()
    return true
  }

  #longestIdle(): ActivityEntry<BookedSession> | undefined {
    const plain = this.#lists.plain.settled.first
    const dns = this.#lists.dns.settled.first
    if (plain === undefined || dns === undefined) return plain ?? dns
    return plain.activeAt <= dns.activeAt ? plain : dns
  }

  #sweepOnce(): void {
    const now = this.#deps.timers.now()
    for (const { open, openTimeoutMs, settled, settledTimeoutMs } of Object.values(this.#lists)) {
      expire(open, now - openTimeoutMs)
      expire(settled, now - settledTimeoutMs)
    }
    const isIdle = this.#count === 0
    this.#sweep = isIdle ? undefined : this.#deps.timers.after(SWEEP_MS, () => this.#sweepOnce())
  }
}

function waiting(openTimeoutMs: number, settledTimeoutMs: number): Waiting {
  return { open: new ActivityList(), openTimeoutMs, settled: new ActivityList(), settledTimeoutMs }
}

/** Ends those without activity since then. */
function expire(list: ActivityList<BookedSession>, since: number): void {
  for (let entry = list.first; entry !== undefined && entry.activeAt <= since; entry = list.first)
    entry.item.expire()
}
