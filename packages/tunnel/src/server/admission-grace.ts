import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { patienceMs, StrictDeadline } from '../host/patience.ts'
import type { ServerMetrics } from '../metrics.ts'

export interface AdmissionGraceDeps {
  /** At least; whoever is far away has more. */
  readonly graceMs: number
  /** In milliseconds; `undefined` where it was not measured. */
  rtt(connection: Connection): number | undefined
  /** Whether that peer has a session. */
  isJoined(peerId: string): boolean
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** Of enrolling and saying hello, from the end of the handshake on. */
const JOIN_ROUND_TRIPS = 4

/** Closes connections whose peer neither enrols nor says hello in time. */
export class AdmissionGrace implements Disposable {
  readonly #deps: AdmissionGraceDeps
  readonly #deadlines = new Map<Connection, StrictDeadline>()
  readonly #warn: Logger['warn']

  constructor(deps: AdmissionGraceDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  /** Gives that connection the whole grace, from now on. */
  watch(connection: Connection): void {
    if (connection.direction === 'outbound' || connection.status !== 'open') return
    const former = this.#deadlines.get(connection)
    former?.[Symbol.dispose]()
    if (former === undefined) connection.addEventListener('close', () => this.#forget(connection))
    const deadline = new StrictDeadline(this.#deps.graceMs, () => this.#graceOf(connection))
    deadline.signal.addEventListener('abort', () => this.#check(connection))
    this.#deadlines.set(connection, deadline)
  }

  /** Ends those connections after the grace if their peer, whose session has ended, has none by then. */
  left(peerId: string, connections: readonly Connection[]): void {
    const end = (): void => {
      if (this.#deps.isJoined(peerId)) return
      for (const connection of connections) connection.abort(new Error('the session of the peer has ended'))
    }
    if (connections.length > 0) setTimeout(end, this.#deps.graceMs).unref()
  }

  [Symbol.dispose](): void {
    for (const deadline of this.#deadlines.values()) deadline[Symbol.dispose]()
    this.#deadlines.clear()
  }

  #forget(connection: Connection): void {
    this.#deadlines.get(connection)?.[Symbol.dispose]()
    this.#deadlines.delete(connection)
  }

  /** Whose multiplexer has not answered yet gets no more. */
  #graceOf(connection: Connection): number {
    const { rtt, graceMs } = this.#deps
    const rttMs = rtt(connection)
    return rttMs === undefined
      ? graceMs
      : patienceMs({ roundTrips: JOIN_ROUND_TRIPS, rttMs, floorMs: graceMs })
  }

  #check(connection: Connection): void {
    const peer = connection.remotePeer.toString()
    if (this.#deps.isJoined(peer)) return
    this.#deps.metrics.refusals.add({ reason: 'not-admitted' })
    this.#warn('closed a connection whose peer did not join', {
      peer,
      address: connection.remoteAddr.toString(),
    })
    connection.abort(new Error('the peer did not join'))
  }
}
