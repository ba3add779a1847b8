import type { ConnectionPool } from '@edgeway/core'
import type { Metering } from '../account/byte-meter.ts'
import { formatClient } from '../account/client-address.ts'
import type { FlowJournal, FlowOutcome, FlowRecord } from '../account/flow-journal.ts'
import type { DialOutcome } from '../dial/dial-first.ts'
import type { DialLimits } from '../dial/try-endpoints.ts'
import { resetSocket } from '../kernel/reset-socket.ts'
import type { CalledPort } from '../listen/interceptor.ts'
import type { OpenFlow } from '../open-flows.ts'
import type { RelayEngine, RelayOutcome } from '../relay/relay-engine.ts'
import type { AcceptedClient } from './accepted-client.ts'
import { Dialling, type DiallingDeps } from './dialling.ts'
import { relayLimits } from './relay-limits.ts'

export interface OutboundFlowOptions extends DialLimits {
  /** Without a byte in either direction; 0: for as long as the ends are there. */
  readonly idleTimeoutMs: number
}

export interface OutboundFlowDeps extends DiallingDeps {
  readonly relay: Pick<RelayEngine, 'relay'>
  readonly journal: FlowJournal
}

/** What was found out of a connection before it is carried. */
export interface FlowStart {
  /** Its search for an endpoint, if that began before. */
  readonly dialling?: Dialling | undefined
  /** That a TLS client asked for. */
  readonly serverName?: string | undefined
}

/** What holds for one flow. */
export interface FlowTerms extends OutboundFlowOptions {
  readonly pool: ConnectionPool
  /** Its ServicePort has as many connections as it may have. */
  readonly isOverLimit: boolean
  readonly start: FlowStart
}

type Connected = Extract<DialOutcome, { status: 'connected' }>
type FlowEnding = Omit<FlowRecord, 'direction' | 'client' | 'service' | 'durationMs'> & {
  readonly metering?: Metering
}

/** One connection of a client as it is carried to an endpoint, to its end. */
export class OutboundFlow implements OpenFlow {
  readonly ended: Promise<void>
  readonly #accepted: AcceptedClient
  readonly #terms: FlowTerms
  readonly #deps: OutboundFlowDeps
  #dialling: Dialling | undefined
  #isCut = false
  #onCut = (): void => {}

  constructor(accepted: AcceptedClient, terms: FlowTerms, deps: OutboundFlowDeps) {
    this.#accepted = accepted
    this.#terms = terms
    this.#deps = deps
    const { source, called, acceptedAtMs } = accepted
    const known = {
      direction: 'outbound',
      client: source === undefined ? 'unknown' : formatClient(source),
      service: called?.servicePort.name,
      ...serverNameOf(terms.start),
    } as const
    deps.journal.begin('outbound')
    this.ended = this.#carry()
      // A defect costs this flow and no other.
      .catch((error: unknown) => ({ ...this.#refuse('dial-failed'), error }))
      .then(({ metering, ...end }: FlowEnding) =>
        deps.journal.end({ ...known, ...end, durationMs: performance.now() - acceptedAtMs }, metering),
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
      return { ...this.#refuse('dial-failed'), attempts: this.#dialling?.attempts, error: dialled.error }
    if (dialled.status === 'no-endpoint') return this.#refuse('no-endpoint')
    return this.#refuse(this.#isCut ? 'cut' : 'client-gone')
  }

  #refuse(outcome: FlowOutcome): FlowEnding {
    resetSocket(this.#accepted.client)
    return { outcome }
  }

  /** Dials for as long as the client is there. */
  async #dial(called: CalledPort): Promise<DialOutcome> {
    const { client } = this.#accepted
    const dialling = this.#terms.start.dialling ?? this.#newDialling(called)
    const abandon = (): void => dialling.abandon()
    this.#dialling = dialling
    client.on('close', abandon)
    this.#onCut = abandon
    const dialled = await dialling.outcome
    client.off('close', abandon)
    return dialled
  }

  #newDialling(called: CalledPort): Dialling {
    const { pool, start } = this.#terms
    return new Dialling(
      { accepted: this.#accepted, called, pool, key: start.serverName },
      this.#terms,
      this.#deps,
    )
  }

  async #join({ servicePort }: CalledPort, { connection, endpoint }: Connected): Promise<FlowEnding> {
    const { client } = this.#accepted
    const joined = this.#deps.relay.relay(
      { stream: client, reset: () => resetSocket(client) },
      { stream: connection.stream, reset: () => connection.reset() },
      relayLimits(this.#terms),
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
    const known = { endpoint, path: connection.path, ...dialStatsOf(this.#dialling) }
    return { outcome, ...known, bytesSent, bytesReceived, metering }
  }
}

function dialStatsOf(dialling: Dialling | undefined): Pick<FlowEnding, 'connectMs' | 'attempts'> {
  return { connectMs: dialling?.connectMs, attempts: dialling?.attempts }
}

/** A field of its own in the log only where there is one. */
function serverNameOf({ serverName }: FlowStart): Pick<FlowRecord, 'serverName'> {
  return serverName === undefined ? {} : { serverName }
}
