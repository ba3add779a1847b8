import type { ServiceDirectory, ServicePortName } from '@edgeway/core'
import type { TrafficMetrics } from '../metrics.ts'
import type { Timers } from '../timers.ts'
import { ByteMeter, type MeteredFlow, type Metering } from './byte-meter.ts'
import { FlowLog, type FlowLogger, type FlowLogOptions } from './flow-log.ts'
import type { FlowDirection, FlowRecord } from './flow-record.ts'
import { ServiceLabels } from './service-labels.ts'

export type { FlowDirection, FlowOutcome, FlowRecord } from './flow-record.ts'

export type FlowJournalOptions = FlowLogOptions

/** What a client said first where TLS was expected: the name of a server, none, or something else. */
export type HelloOutcome = 'named' | 'unnamed' | 'not-tls'

export interface FlowJournalDeps {
  readonly logger: FlowLogger
  readonly metrics: TrafficMetrics
  readonly services: Pick<ServiceDirectory, 'servicePort'>
  readonly timers: Timers
  /** `Math.random` unless given. */
  readonly random?: () => number
}

/** As label: no path was found. */
const NO_PATH = 'unknown'

/** Counts flows, and writes one line for each at its end. */
export class FlowJournal implements Disposable {
  readonly #metrics: TrafficMetrics
  readonly #log: FlowLog
  readonly #meter: ByteMeter
  readonly #labels: ServiceLabels
  readonly #active: Record<FlowDirection, number> = { outbound: 0, inbound: 0 }

  constructor(options: FlowJournalOptions, deps: FlowJournalDeps) {
    const { logger, metrics, services, timers, random = Math.random } = deps
    this.#metrics = metrics
    this.#log = new FlowLog(options, { logger, now: () => timers.now(), random })
    this.#meter = new ByteMeter({ bytes: metrics.bytes, timers })
    this.#labels = new ServiceLabels(services)
  }

  begin(direction: FlowDirection): void {
    this.#count(direction, 1)
  }

  /** From here on the flow's bytes are counted while it is open; its end needs what this returns. */
  meter(flow: MeteredFlow): Metering {
    return this.#meter.start(flow)
  }

  /** Ends what began. */
  end(record: FlowRecord, metering?: Metering): void {
    this.#count(record.direction, -1)
    this.record(record, metering)
  }

  /** Tells of a flow that is over and was never told to begin, as UDP sessions are. */
  record(record: FlowRecord, metering?: Metering): void {
    const { direction, outcome, path = NO_PATH } = record
    const service = this.#labels.labelOf(record.service)
    this.#metrics.flows.add({ direction, service, path, outcome })
    this.#countBytes(record, metering)
    this.#observe(record)
    this.#log.ended(record)
  }

  /** Of a ServicePort that is said to speak TLS. */
  countHello(name: ServicePortName, outcome: HelloOutcome): void {
    this.#metrics.tlsHellos.add({ service: this.#labels.labelOf(name), outcome })
  }

  /** Ends the counting of open flows' bytes; flows may still end. */
  [Symbol.dispose](): void {
    this.#meter[Symbol.dispose]()
  }

  #countBytes(record: FlowRecord, metering: Metering | undefined): void {
    const { direction, path = NO_PATH, bytesSent = 0, bytesReceived = 0 } = record
    const total = bytesSent + bytesReceived
    if (metering !== undefined) this.#meter.end(metering, total)
    else if (total > 0) this.#metrics.bytes.add({ direction, path }, total)
  }

  #observe(record: FlowRecord): void {
    const { protocol = 'TCP', direction, path = NO_PATH, durationMs, connectMs } = record
    const labels = { protocol, direction, path }
    this.#metrics.flowSeconds.observe(labels, durationMs / 1_000)
    if (connectMs !== undefined) this.#metrics.connectSeconds.observe(labels, connectMs / 1_000)
  }

  #count(direction: FlowDirection, change: 1 | -1): void {
    this.#active[direction] += change
    this.#metrics.activeFlows.set({ direction }, this.#active[direction])
  }
}
