import { type Endpoint, formatEndpoint, type Logger, type Path, type ServicePortName } from '@edgeway/core'
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
  readonly endpoint?: Omit<Endpoint, 'ready'>
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

const UNKNOWN = 'unknown'

/** Counts flows, and writes one line for each at its end. */
export class FlowJournal {
  readonly #logger: Logger
  readonly #metrics: TrafficMetrics
  readonly #active: Record<FlowDirection, number> = { outbound: 0, inbound: 0 }

  constructor(logger: Logger, metrics: TrafficMetrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  begin(direction: FlowDirection): void {
    this.#count(direction, 1)
  }

  end(record: FlowRecord): void {
    const { direction, outcome, service = UNKNOWN, path = UNKNOWN, endpoint } = record
    this.#count(direction, -1)
    this.#metrics.flows.add({ direction, service, path, outcome })
    const bytes = (record.bytesSent ?? 0) + (record.bytesReceived ?? 0)
    if (bytes > 0) this.#metrics.bytes.add({ direction, path }, bytes)
    this.#logger.debug('flow ended', {
      ...record,
      ...(endpoint === undefined ? {} : { endpoint: formatEndpoint(endpoint) }),
      durationMs: Math.round(record.durationMs * 10) / 10,
      ...(record.connectMs === undefined ? {} : { connectMs: Math.round(record.connectMs * 10) / 10 }),
    })
  }

  #count(direction: FlowDirection, change: 1 | -1): void {
    this.#active[direction] += change
    this.#metrics.activeFlows.set({ direction }, this.#active[direction])
  }
}
