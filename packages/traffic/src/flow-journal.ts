import {
  type EndpointAddress,
  formatEndpoint,
  type Logger,
  type Path,
  type ServiceDirectory,
  type ServicePortName,
} from '@edgeway/core'
import type { TrafficMetrics } from './metrics.ts'
import type { SpliceOutcome } from './splice.ts'

export type FlowDirection = 'outbound' | 'inbound'

/**
 * How a flow ended: as its splice did, or before there was one: no endpoint was ready, none could be dialled, the
 * client left meanwhile, or no ServicePort explains the connection.
 */
export type FlowOutcome = SpliceOutcome | 'no-endpoint' | 'dial-failed' | 'client-gone' | 'not-redirected'

/** What is known of a flow at its end; what never became known is `undefined`. */
export interface FlowRecord {
  readonly direction: FlowDirection
  readonly outcome: FlowOutcome
  readonly service: ServicePortName | undefined
  readonly endpoint?: EndpointAddress
  readonly path?: Path
  /** Address of the client, or name of the node that asked. */
  readonly client: string
  readonly bytesSent?: number
  readonly bytesReceived?: number
  /** From the accept to the end. */
  readonly durationMs: number
  /** From the accept to the connected endpoint. */
  readonly connectMs?: number
  readonly error?: unknown
}

/** As label: no path was found, or the name is of no Service of the cluster. Other nodes may name what they like. */
const UNKNOWN = 'unknown'

export interface FlowJournalDeps {
  readonly logger: Logger
  readonly metrics: TrafficMetrics
  readonly services: Pick<ServiceDirectory, 'servicePort'>
}

/** Counts flows, and writes one line for each at its end. */
export class FlowJournal {
  readonly #deps: FlowJournalDeps
  readonly #active: Record<FlowDirection, number> = { outbound: 0, inbound: 0 }

  constructor(deps: FlowJournalDeps) {
    this.#deps = deps
  }

  begin(direction: FlowDirection): void {
    this.#count(direction, 1)
  }

  end(record: FlowRecord): void {
    const { direction, outcome, path = UNKNOWN, endpoint } = record
    const { logger, metrics } = this.#deps
    this.#count(direction, -1)
    metrics.flows.add({ direction, service: this.#serviceLabel(record), path, outcome })
    const bytes = (record.bytesSent ?? 0) + (record.bytesReceived ?? 0)
    if (bytes > 0) metrics.bytes.add({ direction, path }, bytes)
    logger.debug('flow ended', {
      ...record,
      ...(endpoint === undefined ? {} : { endpoint: formatEndpoint(endpoint) }),
      durationMs: Math.round(record.durationMs * 10) / 10,
      ...(record.connectMs === undefined ? {} : { connectMs: Math.round(record.connectMs * 10) / 10 }),
    })
  }

  #serviceLabel({ service }: FlowRecord): string {
    const isKnown = service !== undefined && this.#deps.services.servicePort(service) !== undefined
    return isKnown ? service : UNKNOWN
  }

  #count(direction: FlowDirection, change: 1 | -1): void {
    this.#active[direction] += change
    this.#deps.metrics.activeFlows.set({ direction }, this.#active[direction])
  }
}
