import { type Logger, limitedWarn } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import type { ServerMetrics } from '../metrics.ts'

export interface AdmissionGraceDeps {
  readonly graceMs: number
  /** Whether that peer has a session. */
  isJoined(peerId: string): boolean
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

/** Closes connections whose peer neither enrols nor says hello in time. */
export class AdmissionGrace implements Disposable {
  readonly #deps: AdmissionGraceDeps
  readonly #timers = new Map<Connection, NodeJS.Timeout>()
  readonly #warn: Logger['warn']

  constructor(deps: AdmissionGraceDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
  }

  /** Gives that connection the whole grace, from now on. */
  watch(connection: Connection): void {
    if (connection.direction === 'outbound' || connection.status !== 'open') return
    const former = this.#timers.get(connection)
    clearTimeout(former)
    if (former === undefined) connection.addEventListener('close', () => this.#forget(connection))
    const timer = setTimeout(() => this.#check(connection), this.#deps.graceMs)
    this.#timers.set(connection, timer)
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
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #forget(connection: Connection): void {
    clearTimeout(this.#timers.get(connection))
    this.#timers.delete(connection)
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
