import { Socket } from 'node:net'
import {
  type ConnectionPool,
  type Dialer,
  type EndpointConnection,
  PROXY_PROTOCOL_ANNOTATION,
  type Service,
} from '@edgeway/core'
import type { Metering } from '../account/byte-meter.ts'
import { formatClient } from '../account/client-address.ts'
import type { FlowJournal, FlowOutcome, FlowRecord } from '../account/flow-journal.ts'
import { type ProxiedAddress, proxyHeaderV2 } from '../account/proxy-protocol.ts'
import type { EndpointPicker } from '../balance/endpoint-picker.ts'
import type { AbandonedDials } from '../dial/abandoned-dials.ts'
import { type DialOutcome, dialFirst } from '../dial/dial-first.ts'
import type { DialLimits, DialObserver } from '../dial/try-endpoints.ts'
import type { EndpointFeedback } from '../endpoint-feedback.ts'
import { keepAlive } from '../kernel/keep-alive.ts'
import { resetSocket } from '../kernel/reset-socket.ts'
import type { CalledPort } from '../listen/interceptor.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { RelayEngine, RelayOutcome } from '../relay/relay-engine.ts'

export interface OutboundFlowOptions extends DialLimits {
  /** Without a byte in either direction; 0: for as long as the ends are there. */
  readonly idleTimeoutMs: number
}

export interface OutboundFlowDeps {
  readonly picker: EndpointPicker
  readonly dialer: Dialer
  readonly relay: Pick<RelayEngine, 'relay'>
  readonly feedback: EndpointFeedback
  readonly abandoned: AbandonedDials
  readonly journal: FlowJournal
}

/** A client's connection and what it called. */
export interface AcceptedClient {
  readonly client: Socket
  readonly called: CalledPort | undefined
  readonly service: Service | undefined
}

/** What holds for one flow. */
export interface FlowTerms extends OutboundFlowOptions {
  readonly pool: ConnectionPool
  /** Its ServicePort has as many connections as it may have. */
  readonly isOverLimit: boolean
}

type Connected = Extract<DialOutcome, { status: 'connected' }>
type FlowEnding = Omit<FlowRecord, 'direction' | 'client' | 'service' | 'durationMs'> & {
  readonly metering?: Metering
}

/** One connection of a client, from its accept to its end. */
export class OutboundFlow implements OpenFlow {
  readonly ended: Promise<void>
  readonly #accepted: AcceptedClient
  readonly #terms: FlowTerms
  readonly #deps: OutboundFlowDeps
  readonly #startedAt = performance.now()
  /** Asked for at once: a socket that was reset no longer knows. */
  readonly #source: ProxiedAddress | undefined
  #attempts = 0
  #isCut = false
  #onCut = (): void => {}

  constructor(accepted: AcceptedClient, terms: FlowTerms, deps: OutboundFlowDeps) {
    this.#accepted = accepted
    this.#terms = terms
    this.#deps = deps
    this.#source = sourceOf(accepted.client)
    const known = {
      direction: 'outbound',
      client: this.#source === undefined ? 'unknown' : formatClient(this.#source),
      service: accepted.called?.servicePort.name,
    } as const
    deps.journal.begin('outbound')
    this.ended = this.#carry()
      // A defect costs this flow and no other.
      .catch((error: unknown) => ({ ...this.#refuse('dial-failed'), error }))
      .then(({ metering, ...end }: FlowEnding) =>
        deps.journal.end({ ...known, ...end, durationMs: this.#elapsedMs() }, metering),
      )
  }

  cut(): void {
    this.#isCut = true
    this.#onCut()
  }

  async #carry(): Promise<FlowEnding> {
    const { called } = this.#accepted
    if (called === undefined) return this.#refuse('not-redirected')
    if (this.#terms.isOverLimit) return this.#refuse('over-limit')
    const dialled = await this.#dial(called)
    if (dialled.status === 'connected') return this.#join(called, dialled)
    if (dialled.status === 'failed')
      return { ...this.#refuse('dial-failed'), attempts: this.#attempts, error: dialled.error }
    if (dialled.status === 'no-endpoint') return this.#refuse('no-endpoint')
    return this.#refuse(this.#isCut ? 'cut' : 'client-gone')
  }

  #refuse(outcome: FlowOutcome): FlowEnding {
    resetSocket(this.#accepted.client)
    return { outcome }
  }

  /** Dials for as long as the client is there. */
  async #dial({ servicePort: { name }, scope }: CalledPort): Promise<DialOutcome> {
    const { picker, dialer, abandoned } = this.#deps
    const { client } = this.#accepted
    const unwanted = new AbortController()
    const abandon = (): void => unwanted.abort()
    client.on('close', abandon)
    this.#onCut = abandon
    const clientIp = this.#source?.ip ?? ''
    const endpoints = picker.order({ servicePort: name, scope, clientIp })
    const { pool, dialTimeoutMs, dialBudgetMs } = this.#terms
    const isFirm = pool.connectTimeoutMs !== undefined
    const request = { endpoints, service: name, signal: unwanted.signal, isFirm }
    const limits = { dialTimeoutMs: pool.connectTimeoutMs ?? dialTimeoutMs, dialBudgetMs }
    const dialled = await dialFirst(request, limits, { dialer, observer: this.#observer(name), abandoned })
    client.off('close', abandon)
    return dialled
  }

  #observer(name: CalledPort['servicePort']['name']): DialObserver {
    const { feedback } = this.#deps
    return {
      trying: (endpoint) => {
        this.#attempts += 1
        feedback.opened(name, endpoint)
      },
      connected: (endpoint, connectMs) => feedback.connected(name, endpoint, connectMs),
      failed: (endpoint, failure) => {
        feedback.failed(name, endpoint, failure)
        feedback.closed(name, endpoint)
      },
      abandoned: (endpoint) => feedback.closed(name, endpoint),
    }
  }

  async #join(called: CalledPort, { connection, endpoint }: Connected): Promise<FlowEnding> {
    const { servicePort } = called
    const connectMs = this.#elapsedMs()
    this.#prepare(called, connection)
    const { client } = this.#accepted
    const { pool, idleTimeoutMs } = this.#terms
    const joined = this.#deps.relay.relay(
      { stream: client, reset: () => resetSocket(client) },
      { stream: connection.stream, reset: () => connection.reset() },
      {
        idleTimeoutMs: pool.idleTimeoutMs ?? (idleTimeoutMs === 0 ? undefined : idleTimeoutMs),
        maxDurationMs: pool.maxConnectionDurationMs,
      },
    )
    this.#onCut = () => joined.cut()
    const { journal } = this.#deps
    const metering = journal.meter({ direction: 'outbound', path: connection.path, counts: joined })
    const outcome: RelayOutcome = await joined.ended
    const { bytesSent, bytesReceived } = joined
    const { feedback } = this.#deps
    if (bytesReceived > 0) feedback.answered(servicePort.name, endpoint)
    else if (outcome === 'endpoint-reset') feedback.failed(servicePort.name, endpoint, 'reset')
    feedback.closed(servicePort.name, endpoint)
    const known = { endpoint, path: connection.path, connectMs, attempts: this.#attempts }
    return { outcome, ...known, bytesSent, bytesReceived, metering }
  }

  /** What comes before the first byte of the client. */
  #prepare({ destination }: CalledPort, { stream }: EndpointConnection): void {
    const { keepAlive: wish } = this.#terms.pool
    if (wish !== undefined && stream instanceof Socket) keepAlive(stream, wish)
    if (this.#accepted.service?.annotations[PROXY_PROTOCOL_ANNOTATION] !== 'v2') return
    stream.write(proxyHeaderV2({ source: this.#source, destination }))
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
}

function sourceOf({ remoteAddress: ip, remotePort: port }: Socket): ProxiedAddress | undefined {
  return ip === undefined || port === undefined ? undefined : { ip, port }
}
