import type { RemoteInfo, Socket } from 'node:dgram'
import {
  type Endpoint,
  formatEndpoint,
  type ListenerAddress,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import { formatClient } from '../account/client-address.ts'
import type { DropReason } from './datagram-counts.ts'
import { isCongested, sendFailure } from './datagram-socket.ts'
import type { PortUnreachable } from './port-unreachable.ts'
import { type SessionKind, SessionLimit } from './session-book.ts'
import type { SessionOutcome, SessionRecord } from './session-record.ts'
import type { UdpMetrics } from './udp-metrics.ts'
import { type SessionOwner, UdpSession, type UdpSessionDeps } from './udp-session.ts'

export interface PortSessionsDeps extends UdpSessionDeps {
  readonly services: Pick<ServiceDirectory, 'servicePort' | 'endpoints'>
  readonly metrics: UdpMetrics
  readonly unreachable: PortUnreachable
  /** Of one address, to this ServicePort. */
  readonly maxSessionsPerClient: number
  record(record: SessionRecord): void
}

/** However many clients are refused, that is told no more often. */
const OVER_LIMIT_RECORD_EVERY_MS = 1_000

/** The sessions of one ServicePort in one family: all that came by one socket. */
export class PortSessions implements SessionOwner {
  readonly #service: ServicePortName
  readonly #socket: Socket
  readonly #address: ListenerAddress
  readonly #deps: PortSessionsDeps
  readonly #limit: SessionLimit
  /** By the client's address, then its port: a lookup allocates nothing. */
  readonly #clients = new Map<string, Map<number, UdpSession>>()
  readonly #sent: (error: Error | null) => void
  #nextOverLimitRecordAt = Number.NEGATIVE_INFINITY

  constructor(
    { service, socket, address }: { service: ServicePortName; socket: Socket; address: ListenerAddress },
    deps: PortSessionsDeps,
  ) {
    this.#service = service
    this.#socket = socket
    this.#address = address
    this.#deps = deps
    this.#limit = new SessionLimit()
    this.#sent = (error) => {
      if (error !== null && error !== undefined) this.#notSent(error)
    }
  }

  receive(datagram: Buffer, from: RemoteInfo): void {
    const session = this.#clients.get(from.address)?.get(from.port) ?? this.#begin(from)
    session?.fromClient(datagram)
  }

  /** Ends those whose endpoint is no longer wanted: the client's next datagram finds another one. */
  endWhere(isOver: (endpoint: Endpoint) => boolean): void {
    for (const session of this.#all())
      if (session.endpoint !== undefined && isOver(session.endpoint)) session.end('cut')
  }

  endAll(outcome: SessionOutcome): void {
    for (const session of this.#all()) session.end(outcome)
  }

  answer(client: ListenerAddress, datagram: Buffer): DropReason | undefined {
    if (isCongested(this.#socket)) return 'congested'
    this.#socket.send(datagram, client.port, client.ip, this.#sent)
    return undefined
  }

  unreachable(client: ListenerAddress): void {
    const result = this.#deps.unreachable.send(client, this.#address)
    this.#deps.metrics.unreachables.add({ result })
  }

  isWanted(endpoint: Endpoint): boolean {
    const key = formatEndpoint(endpoint)
    const listed = this.#deps.services.endpoints(this.#service)
    return listed.some((one) => (one.ready || one.serving) && formatEndpoint(one) === key)
  }

  ended({ client }: UdpSession, record: SessionRecord): void {
    const ports = this.#clients.get(client.ip)
    ports?.delete(client.port)
    if (ports?.size === 0) this.#clients.delete(client.ip)
    const { path = 'unknown', outcome } = record
    this.#deps.metrics.sessions.add({ path, outcome })
    this.#deps.record(record)
  }

  #begin({ address: ip, port }: RemoteInfo): UdpSession | undefined {
    const servicePort = this.#deps.services.servicePort(this.#service)
    if (servicePort === undefined) {
      this.#deps.counts.dropped('not-served')
      return undefined
    }
    const client = { ip, port }
    this.#limitClient(ip)
    if (!this.#deps.book.makeRoom(this.#limit)) {
      this.#overLimit(client)
      return undefined
    }
    const identity = { client, service: this.#service, kind: kindOf(servicePort), port: this.#limit }
    const session = new UdpSession(identity, this.#deps, this)
    const ports = this.#clients.get(ip) ?? new Map<number, UdpSession>()
    this.#clients.set(ip, ports.set(port, session))
    void session.open()
    return session
  }

  /** One client must not take all places: beyond its share it loses its own oldest session. */
  #limitClient(ip: string): void {
    const ports = this.#clients.get(ip)
    if (ports === undefined || ports.size < this.#deps.maxSessionsPerClient) return
    const [oldest] = ports.values()
    oldest?.expire()
  }

  #overLimit(client: ListenerAddress): void {
    const { counts, metrics, record, now } = this.#deps
    counts.dropped('over-limit')
    metrics.sessions.add({ path: 'unknown', outcome: 'over-limit' })
    if (now() < this.#nextOverLimitRecordAt) return
    this.#nextOverLimitRecordAt = now() + OVER_LIMIT_RECORD_EVERY_MS
    record({ ...NOTHING, outcome: 'over-limit', service: this.#service, client: formatClient(client) })
  }

  #notSent(error: Error): void {
    const failure = sendFailure(error)
    this.#deps.counts.dropped(failure === 'refused' ? 'send-failed' : failure)
  }

  *#all(): Generator<UdpSession> {
    for (const ports of [...this.#clients.values()]) yield* [...ports.values()]
  }
}

const NOTHING = {
  endpoint: undefined,
  path: undefined,
  datagramsSent: 0,
  datagramsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  durationMs: 0,
  connectMs: undefined,
  error: undefined,
} as const

const DNS_PORT = 53

function kindOf({ port, appProtocol }: ServicePort): SessionKind {
  return port === DNS_PORT || appProtocol === 'dns' ? 'dns' : 'plain'
}
