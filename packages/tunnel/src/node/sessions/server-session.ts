import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger, NodeName } from '@edgeway/core'
import type { Connection } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { SessionEndedError, UntrustedServerError } from '../../errors.ts'
import { BackOff, delayAfterLoss } from '../../host/back-off.ts'
import { closeConnection } from '../../host/connections.ts'
import type { AgentHost } from '../../host/host.ts'
import type { TunnelMetrics } from '../../metrics.ts'
import type { PeerBook } from '../../records/peer-book.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import type { IntakeDeps } from '../../records/record-intake.ts'
import { abortable } from '../abortable.ts'
import type { LookupSource } from '../dht/peer-lookup.ts'
import { Certification, type CertificationDeps } from '../membership/certification.ts'
import { renew } from '../membership/enrolment.ts'
import type { OwnRecord } from '../own-reach/own-record.ts'
import { dialByAnyUplink } from '../uplinks/uplink-dial.ts'
import type { HeldSession, JoinedServer } from './held-session.ts'
import { JoinPatience } from './join-patience.ts'
import { RegistryLink } from './registry-link.ts'
import { reservationAt } from './reservation.ts'
import type { ServerClaims } from './server-claims.ts'
import { asksForEnrolment, outcomeOf, TroubleLog } from './session-trouble.ts'

/** A session that ends sooner was no success: two nodes with one key would push each other out without a pause. */
const LASTING_MS = 5_000
/** Of each step on a connection. */
const ROUND_TRIPS = { enrolling: 3, welcome: 1, reserving: 2 }
/** A flow waits for it. */
const LOOKUP_MS = 2_000
/** An attempt that has just begun is left alone when the node's addresses change. */
const FRESH_MS = 1_000

export interface ServerSessionDeps extends CertificationDeps {
  readonly host: AgentHost
  readonly book: PeerBook
  readonly ownRecord: OwnRecord
  /** As of `IntakeDeps.read`. */
  readonly readRecord?: IntakeDeps['read']
  readonly logger: Logger
  readonly metrics: TunnelMetrics
  /** For each step, at least: connecting, enrolling, being welcome, reserving. */
  readonly joinTimeoutMs: number
  /** Shared by all sessions of this node. */
  readonly claims: ServerClaims
  /** In milliseconds, as it is now; `undefined` where it was not measured. */
  rtt(connection: Connection): number | undefined
  /** Called after each change of `joined`. */
  changed(): void
}

/**
 * Keeps this node joined to one tunnel server, with a reservation at its relay. Whatever ends (the connection, the
 * stream, the reservation), all of it is ended, and a new attempt follows: js-libp2p never comes back by itself.
 */
export class ServerSession implements LookupSource, AsyncDisposable {
  readonly #address: Multiaddr
  readonly #deps: ServerSessionDeps
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  readonly #supervised: Promise<void>
  readonly #backOff = new BackOff()
  readonly #trouble: TroubleLog
  readonly #certification: Certification
  #held: HeldSession | undefined
  #attempt = { abort: new AbortController(), since: 0, isOver: false }
  #cutShortAt = Number.NEGATIVE_INFINITY
  /** Of the agents that come back with this one, when the session is lost. */
  #agents = 0
  readonly #patience: JoinPatience
  #isRetired = false

  /** @param address - without PeerId: the server proves itself by its certificate */
  constructor(address: Multiaddr, deps: ServerSessionDeps) {
    this.#address = address
    this.#deps = deps
    this.#logger = deps.logger.child({ server: address.toString() })
    this.#certification = new Certification({ ...deps, logger: this.#logger })
    this.#trouble = new TroubleLog(this.#logger, deps.metrics)
    this.#patience = new JoinPatience({
      ...deps,
      dial: (to, options) => dialByAnyUplink(deps.host, to, options),
    })
    this.#supervised = this.#supervise()
  }

  /** `undefined` while this node is not joined, or holds no reservation. */
  get joined(): JoinedServer | undefined {
    const held = this.#held
    if (held?.isReserved !== true) return undefined
    const { connection, link } = held
    return {
      peerId: connection.remotePeer.toString(),
      address: multiaddr(`${this.#address}/p2p/${connection.remotePeer}`),
      rttMs: Math.round(this.#deps.rtt(connection) ?? link.rttMs),
      isSuspect: this.#deps.host.liveness.isSuspect(connection),
      observed: link.welcome.observed,
      reflectorPorts: link.welcome.reflectorPorts,
    }
  }

  /** Why there is no session now; the reason of the last failure otherwise. */
  get trouble(): string {
    return `${this.#address}: ${this.#trouble.last}`
  }

  /** For people. */
  get status(): Readonly<Record<string, unknown>> {
    const joined = this.joined
    const address = this.#address.toString()
    const trouble = this.#trouble.last
    if (joined === undefined) return { address, state: 'not joined', trouble }
    const since = this.#held?.since.toISOString()
    return { address, state: 'joined', peer: joined.peerId, since, rttMs: joined.rttMs, trouble }
  }

  /** Tells the server of this node, if something has changed. */
  publish(): void {
    this.#held?.link.publish()
  }

  /** Trust has changed: the server may be none any more, or not know it yet. */
  review(): void {
    if (this.#held === undefined) return
    const { connection, link, end } = this.#held
    const peerId = connection.remotePeer.toString()
    const verdict = this.#deps.identity.trust?.judge(link.welcome.certificate, { peerId, role: 'server' })
    // It has shown its certificate once; that one may have been renewed since.
    if (verdict?.kind === 'refused' && verdict.reason !== 'expired')
      end.abort(
        new UntrustedServerError(verdict.reason, `the tunnel server is one no more: ${verdict.message}`),
      )
    else link.publishTrust()
  }

  /** Tries at once, as the way to the server may be another one than before. */
  wake(): void {
    this.#backOff.reset()
    if (this.#held !== undefined || !this.#isWorthAnother()) return
    this.#patience.reset()
    this.#attempt.abort.abort(new SessionEndedError('this node has other addresses now'))
  }

  /** Addresses that change all the time must not cut each attempt short. */
  #isWorthAnother(): boolean {
    const { since, isOver } = this.#attempt
    if (isOver) return true
    const now = performance.now()
    if (now - since < FRESH_MS || now - this.#cutShortAt < this.#patience.utmostMs) return false
    this.#cutShortAt = now
    return true
  }

  /** As of `LookupSource`; rejects while there is no session. */
  async lookup(node: NodeName, signal: AbortSignal): Promise<PeerRecord | undefined> {
    const held = this.#held
    if (held === undefined) throw new SessionEndedError('there is no session')
    const step = { roundTrips: 1, signal, floorMs: LOOKUP_MS }
    return await this.#patience.during(held.connection, step, (deadline) => held.link.lookup(node, deadline))
  }

  /** A new certificate for this node. Rejects when this server gave none. */
  async renew(): Promise<void> {
    const { connection } = this.#held ?? {}
    if (connection === undefined) throw new SessionEndedError('there is no session')
    await this.#during(connection, ROUND_TRIPS.enrolling, (signal) => renew(connection, signal, this.#deps))
  }

  /** Makes no further attempt. A session that there is lasts until it is disposed of. */
  retire(): void {
    this.#isRetired = true
    if (this.joined === undefined) this.#stopping.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#supervised
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#attempt = { abort: new AbortController(), since: performance.now(), isOver: false }
      const woken = this.#attempt.abort.signal
      let delayMs = 0
      try {
        await this.#attemptOnce()
      } catch (error) {
        if (signal.aborted || this.#isRetired) break
        if (!woken.aborted) delayMs = this.#learn(error)
      }
      this.#attempt.isOver = true
      this.#deps.changed()
      // Rejects when this session is disposed of, which the loop sees, or is woken.
      await sleep(delayMs, undefined, { signal: AbortSignal.any([signal, woken]) }).catch(() => {})
    }
  }

  /** @returns how long to wait before the next attempt */
  #learn(error: unknown): number {
    this.#trouble.report(error)
    if (asksForEnrolment(error)) this.#certification.refused(error.message)
    this.#patience.learn(error)
    const agents = this.#agents
    this.#agents = 0
    if (agents > 0) return delayAfterLoss(agents, Math.random())
    return this.#backOff.next(outcomeOf(error))
  }

  async #attemptOnce(): Promise<void> {
    const { claims } = this.#deps
    const connection = await this.#patience.dial(this.#address, this.#ending)
    const server = connection.remotePeer.toString()
    using claim = claims.take(server)
    if (claim === undefined) {
      await closeConnection(connection)
      this.#trouble.note('is another address of a server that is in use already')
      await abortable(claims.untilReleased(server), this.#stopping.signal)
      return
    }
    try {
      await this.#certification.certify(connection, (run) =>
        this.#during(connection, ROUND_TRIPS.enrolling, run),
      )
      await this.#hold(connection)
    } finally {
      await closeConnection(connection)
    }
  }

  /** Is welcome, reserves, and throws when any of it has ended. */
  async #hold(connection: Connection): Promise<never> {
    const { host } = this.#deps
    const server = connection.remotePeer
    const end = new AbortController()
    using _ = host.onReservationLost((relay) => {
      if (relay.equals(server)) end.abort(new SessionEndedError('the reservation at the relay was lost'))
    })
    const opening = this.#during(connection, ROUND_TRIPS.welcome, (signal) =>
      RegistryLink.open(connection, signal, this.#deps),
    )
    const reserve = reservationAt(connection, { host, rttMs: this.#patience.rtt(connection) })
    using link = await opening
    const held = { connection, link, end, since: new Date(), isReserved: false }
    const startedAt = performance.now()
    this.#held = held
    try {
      link.publish()
      const signal = AbortSignal.any([end.signal, this.#stopping.signal])
      const following = link.follow(signal)
      // Looked at below, unless the reservation fails first.
      following.catch(() => {})
      const reserving = this.#during(connection, ROUND_TRIPS.reserving, (deadline) =>
        abortable(reserve(), AbortSignal.any([signal, deadline])),
      )
      await Promise.race([following, reserving])
      held.isReserved = true
      this.#joined(held)
      return await following
    } finally {
      this.#held = undefined
      if (performance.now() - startedAt > LASTING_MS) {
        this.#backOff.reset()
        // A connection that fell silent is this node's own affair: the others have not lost theirs.
        this.#agents = host.liveness.isSuspect(connection) ? 0 : link.welcome.agents
      }
    }
  }

  #joined({ connection, link }: HeldSession): void {
    this.#patience.reset()
    this.#trouble.note('none')
    this.#deps.changed()
    this.#logger.info('joined the tunnel server', {
      peer: connection.remotePeer.toString(),
      peers: this.#deps.book.size,
      observed: link.welcome.observed,
    })
  }

  #during<T>(
    connection: Connection,
    roundTrips: number,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#patience.during(connection, { roundTrips, signal: this.#ending }, run)
  }

  /** Aborts when this attempt is to end, whatever it is at. */
  get #ending(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, this.#attempt.abort.signal])
  }
}
