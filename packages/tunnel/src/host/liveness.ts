import type { Connection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'
import { SilentConnectionError } from '../errors.ts'
import { relayOf, transportOf } from './connection-parts.ts'
import { carriersOf } from './connections.ts'
import { FairClock } from './fair-clock.ts'
import { ProgressDeadline, patienceMs, type Step } from './patience.ts'
import { judgeSilence, type LivenessOptions } from './silence.ts'
import type { TcpInfo } from './tcp-info.ts'
import { type StreamActivity, WatchedConnection } from './watched-connection.ts'

/**
 * Finds connections that are dead without having been closed: a silent host, a NAT that forgot, a route that changed.
 *
 * Any byte that comes is a sign of life, not only an answer: answers wait behind the bytes of bulk flows. A connection
 * is asked when something is waited for on it, and else now and then; see `judgeSilence`. One that a circuit goes
 * through waits with the circuit. Whoever receives much says so by a frame each second, since a large frame counts at
 * its other end only when all of it has come. One whose other end acknowledges what is sent is suspect, but not dead for long:
 * TCP may need many seconds for what a poor link has lost. Time in which this process did not run does not count.
 */
export class Liveness implements Disposable {
  readonly #node: Pick<Libp2p, 'getConnections'>
  readonly #options: LivenessOptions
  readonly #tcpInfo: Pick<TcpInfo, 'read'>
  readonly #watched = new WeakMap<Connection, WatchedConnection>()
  readonly #relays = new Set<string>()
  readonly #clock: FairClock
  readonly #timer: NodeJS.Timeout

  constructor(
    node: Pick<Libp2p, 'getConnections'>,
    options: LivenessOptions,
    tcpInfo: Pick<TcpInfo, 'read'>,
  ) {
    this.#node = node
    this.#options = options
    this.#tcpInfo = tcpInfo
    this.#clock = new FairClock(2 * options.tickMs)
    this.#timer = setInterval(() => this.#tick(), options.tickMs)
  }

  /** The other side gave a sign of life. Bytes that come are noticed without it. */
  seen(connection: Connection): void {
    this.#watch(connection).seen(this.#clock.now())
  }

  /** Something was sent that wants an answer: until bytes come, silence is looked at closely. */
  expecting(connection: Connection): void {
    this.#watch(connection).expecting(this.#clock.now())
  }

  /** For a stream that sends and waits again and again; it waits on its own, whatever comes on other streams. */
  activity(connection: Connection): StreamActivity {
    return this.#watch(connection).activity(() => this.#clock.now())
  }

  /** Something is waited for until this is disposed of, whatever else comes; for as long as on a stream at most. */
  awaiting(connection: Connection): Disposable {
    const activity = this.activity(connection)
    activity.sent(0)
    return { [Symbol.dispose]: () => activity.ended() }
  }

  /** Asks now, whatever came lately: the way to the other side may be another one. */
  ask(connection: Connection): void {
    this.#watch(connection).ask(this.#clock.now())
  }

  /** Connections to that peer carry circuits: they are asked more often. */
  addRelay(peerId: string): void {
    this.#relays.add(peerId)
  }

  /** The smoothed round-trip time in ms; `undefined` before it was measured. */
  rtt(connection: Connection): number | undefined {
    return this.#watch(connection).rttMs
  }

  /** True while an answer is overdue, here or at the relay that the connection goes through. */
  isSuspect(connection: Connection): boolean {
    return [connection, ...this.#carriersOf(connection)].some((each) => this.#watch(each).isSuspect)
  }

  /** Aborts when the connection becomes suspect the next time, with a `SilentConnectionError`. */
  suspicion(connection: Connection): AbortSignal {
    return this.#watch(connection).suspicion
  }

  /**
   * For one step on that connection, to be disposed of when it is done. Bytes that come on it, or on that to the relay which it
   * goes through, put it off; what falls silent is found out sooner by `suspicion`.
   */
  deadline(connection: Connection, step: Omit<Step, 'rttMs'>): ProgressDeadline {
    const transports = [connection, ...this.#carriersOf(connection)].map(transportOf)
    return new ProgressDeadline(transports, patienceMs({ ...step, rttMs: this.rtt(connection) }))
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = this.#clock.tick()
    const connections = this.#node.getConnections()
    const waitingSince = this.#waitingOnRelays(connections, now)
    for (const connection of connections) {
      const watched = this.#watch(connection)
      const peer = connection.remotePeer.toString()
      watched.sayAliveWhenDue(now)
      const silence = watched.silence(now, {
        isRelay: this.#relays.has(peer),
        circuitWaitsSince: connection.direct ? waitingSince.get(peer) : undefined,
        carrier: () => this.#carriersOf(connection).map((carrier) => this.#watch(carrier))[0],
      })
      const verdict = judgeSilence(silence, now, this.#options)
      if (verdict === 'ask') watched.ask(now)
      if (verdict === 'suspect') this.#suspect(connection, now)
      if (verdict === 'dead') connection.abort(new SilentConnectionError())
    }
  }

  /** By the PeerId of the relay: since when some circuit through it has been waiting. */
  #waitingOnRelays(connections: readonly Connection[], now: number): Map<string, number> {
    const earliest = new Map<string, number>()
    for (const connection of connections) {
      const relay = relayOf(connection)
      const since = relay === undefined ? undefined : this.#watch(connection).waitingSince(now)
      if (relay === undefined || since === undefined) continue
      earliest.set(relay, Math.min(since, earliest.get(relay) ?? since))
    }
    return earliest
  }

  #suspect(connection: Connection, now: number): void {
    this.#watch(connection).suspect(now, this.#tcpInfo.read(connection))
    if (!connection.direct) return
    const peer = connection.remotePeer.toString()
    for (const other of this.#node.getConnections()) {
      if (relayOf(other) === peer) this.#watch(other).raiseSuspicion()
    }
  }

  #carriersOf(connection: Connection): readonly Connection[] {
    return carriersOf(this.#node, connection)
  }

  #watch(connection: Connection): WatchedConnection {
    const known = this.#watched.get(connection)
    if (known !== undefined) return known
    const watched = new WatchedConnection(connection, () => this.#clock.now())
    this.#watched.set(connection, watched)
    return watched
  }
}
