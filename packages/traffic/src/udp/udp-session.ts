import type { Endpoint, ListenerAddress, ServicePortName } from '@edgeway/core'
import { formatClient } from '../account/client-address.ts'
import type { EndpointsOfCalls } from '../balance/endpoint-picker.ts'
import type { EndpointReports } from '../balance/endpoint-reports.ts'
import type { TryOutcome } from '../dial/try-endpoints.ts'
import { ActivityEntry } from './activity-list.ts'
import type { DatagramCounts, DropReason } from './datagram-counts.ts'
import { type OpenUpstreamDeps, openUpstream } from './open-upstream.ts'
import type { BookedSession, SessionBook, SessionKind, SessionLimit } from './session-book.ts'
import type { SessionOutcome, SessionRecord } from './session-record.ts'
import type { Upstream, UpstreamEnd, UpstreamEvents } from './upstream.ts'
import { type WaitingBytes, WaitingDatagrams } from './waiting-datagrams.ts'

/** Who talks, to what. */
export interface SessionIdentity {
  readonly client: ListenerAddress
  readonly service: ServicePortName
  readonly kind: SessionKind
  readonly port: SessionLimit
}

export interface UdpSessionDeps extends OpenUpstreamDeps {
  readonly picker: EndpointsOfCalls
  readonly reports: EndpointReports
  readonly book: SessionBook
  readonly counts: DatagramCounts
  readonly waitingBytes: WaitingBytes
  now(): number
}

/** What a session asks of the listener that it came by. */
export interface SessionOwner {
  /** Sends an answer to the client. Returns why it was dropped. */
  answer(client: ListenerAddress, datagram: Buffer): DropReason | undefined
  /** Nothing answers the client, or no longer. */
  unreachable(client: ListenerAddress): void
  /** False for an endpoint that went while it was dialled. */
  isWanted(endpoint: Endpoint): boolean
  ended(session: UdpSession, record: SessionRecord): void
}

/** One may have got lost. */
const MIN_QUESTIONS = 2

type Connected = Extract<TryOutcome<Endpoint, Upstream>, { readonly status: 'connected' }>

/** The datagrams of one client to one ServicePort, both ways, from the first one to the end of their silence. */
export class UdpSession implements BookedSession, UpstreamEvents {
  readonly client: ListenerAddress
  readonly kind: SessionKind
  readonly port: SessionLimit
  readonly placeInBook: ActivityEntry<BookedSession> = new ActivityEntry<BookedSession>(this)
  readonly placeInPort: ActivityEntry<BookedSession> = new ActivityEntry<BookedSession>(this)
  readonly #service: ServicePortName
  readonly #deps: UdpSessionDeps
  readonly #owner: SessionOwner
  readonly #startedAt: number
  readonly #unwanted = new AbortController()
  readonly #waiting: WaitingDatagrams
  #upstream: Upstream | undefined
  #endpoint: Endpoint | undefined
  #connectMs: number | undefined
  #isOver = false
  /** Of the client's datagrams, also those that were dropped, that had no answer yet. */
  #owed = 0
  #hasAnswer = false
  #datagramsSent = 0
  #datagramsReceived = 0
  #bytesSent = 0
  #bytesReceived = 0

  constructor(identity: SessionIdentity, deps: UdpSessionDeps, owner: SessionOwner) {
    this.client = identity.client
    this.kind = identity.kind
    this.port = identity.port
    this.#service = identity.service
    this.#deps = deps
    this.#owner = owner
    this.#startedAt = deps.now()
    this.#waiting = new WaitingDatagrams(deps.waitingBytes)
    deps.book.add(this)
  }

  get isSettled(): boolean {
    return this.#hasAnswer && (this.kind === 'plain' || this.#owed === 0)
  }

  /** The one that it talks to, once there is one. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint
  }

  /** Looks for an endpoint; datagrams may come at once. */
  async open(): Promise<void> {
    const { picker } = this.#deps
    const call = { servicePort: this.#service, scope: 'internal', clientIp: this.client.ip } as const
    const { signal } = this.#unwanted
    const request = { endpoints: picker.order(call), service: this.#service, signal, events: this }
    try {
      const opened = await openUpstream(request, this.#deps)
      if (opened.status === 'connected') this.#connected(opened)
      else if (opened.status === 'failed') this.#fail('dial-failed', opened.error)
      else if (opened.status === 'no-endpoint') this.#fail('no-endpoint')
    } catch (error) {
      // A defect costs this session and no other.
      this.#fail('dial-failed', error)
    }
  }

  /** The datagram is the session's own from now on. */
  fromClient(datagram: Buffer): void {
    this.#owed++
    this.#deps.book.touch(this)
    if (this.#upstream !== undefined) this.#send(this.#upstream, datagram)
    else if (!this.#waiting.add(datagram)) this.onDrop('queue-full')
  }

  onAnswer(datagram: Buffer): void {
    if (this.#isOver) return
    if (!this.#hasAnswer) this.#answered()
    this.#owed = Math.max(0, this.#owed - 1)
    this.#deps.book.touch(this)
    const dropped = this.#owner.answer(this.client, datagram)
    if (dropped !== undefined) {
      this.onDrop(dropped)
      return
    }
    this.#deps.counts.received()
    this.#datagramsReceived++
    this.#bytesReceived += datagram.length
  }

  onDrop(reason: DropReason): void {
    this.#deps.counts.dropped(reason)
  }

  onEnd(end: UpstreamEnd): void {
    if (this.#isOver) return
    if (end === 'refused') this.#refused()
    else if (end === 'lost') this.#lost()
    else this.expire()
  }

  expire(): void {
    if (this.#upstream === undefined) this.end('dial-failed')
    else if (this.#hasAnswer) this.end('completed')
    else this.#unanswered()
  }

  /** Does nothing for one that has ended. */
  end(outcome: SessionOutcome, error?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    const { book, reports, counts } = this.#deps
    book.remove(this)
    this.#unwanted.abort()
    const unsent = this.#waiting.take().length
    if (unsent > 0) counts.dropped(outcome === 'cut' ? 'not-served' : 'no-endpoint', unsent)
    this.#upstream?.close()
    if (this.#endpoint !== undefined) reports.closed(this.#service, this.#endpoint)
    this.#owner.ended(this, this.#record(outcome, error))
  }

  #connected({ endpoint, connection: upstream }: Connected): void {
    if (this.#isOver || !this.#owner.isWanted(endpoint)) {
      upstream.close()
      this.#deps.reports.closed(this.#service, endpoint)
      this.end('cut')
      return
    }
    this.#endpoint = endpoint
    this.#upstream = upstream
    this.#connectMs = this.#elapsedMs()
    for (const datagram of this.#waiting.take()) this.#send(upstream, datagram)
  }

  #send(upstream: Upstream, datagram: Buffer): void {
    const dropped = upstream.send(datagram)
    if (dropped !== undefined) {
      this.onDrop(dropped)
      return
    }
    this.#deps.counts.sent()
    this.#datagramsSent++
    this.#bytesSent += datagram.length
  }

  #answered(): void {
    this.#hasAnswer = true
    if (this.#endpoint === undefined) return
    const { reports } = this.#deps
    reports.connected(this.#service, this.#endpoint, this.#elapsedMs())
  }

  /** Who asks for a name again and again is owed an answer; other protocols may know none. */
  #unanswered(): void {
    const isOwedOne = this.kind === 'dns' && this.#datagramsSent >= MIN_QUESTIONS
    if (isOwedOne && this.#endpoint !== undefined)
      this.#deps.reports.failed(this.#service, this.#endpoint, 'timeout')
    this.end('no-answer')
  }

  #refused(): void {
    const { reports } = this.#deps
    if (this.#endpoint !== undefined) reports.failed(this.#service, this.#endpoint, 'refused')
    this.#fail('endpoint-refused')
  }

  #lost(): void {
    const { reports } = this.#deps
    if (!this.#hasAnswer && this.#endpoint !== undefined)
      reports.failed(this.#service, this.#endpoint, 'reset')
    this.end('cut')
  }

  #fail(outcome: SessionOutcome, error?: unknown): void {
    if (this.#isOver) return
    this.#owner.unreachable(this.client)
    this.end(outcome, error)
  }

  #record(outcome: SessionOutcome, error: unknown): SessionRecord {
    return {
      outcome,
      service: this.#service,
      endpoint: this.#endpoint,
      path: this.#upstream?.path,
      client: formatClient(this.client),
      datagramsSent: this.#datagramsSent,
      datagramsReceived: this.#datagramsReceived,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      durationMs: this.#elapsedMs(),
      connectMs: this.#connectMs,
      error,
    }
  }

  #elapsedMs(): number {
    return this.#deps.now() - this.#startedAt
  }
}
