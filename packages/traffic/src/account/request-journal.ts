import type { BoundCounter, BoundHistogram, Counter, Path, ServiceDirectory } from '@edgeway/core'
import type { FlowLogOptions } from './flow-log.ts'
import { METHOD_CLASSES, methodClassOf, STATUS_CLASSES, statusClassOf } from './request-classes.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { type RequestOutcome, type RequestRecord, requestLogFields } from './request-record.ts'
import { type EndLogger, SampledLog } from './sampled-log.ts'
import { ServiceLabels } from './service-labels.ts'

export type { RequestOutcome, RequestRecord } from './request-record.ts'

export interface RequestJournalDeps {
  readonly logger: EndLogger
  readonly metrics: RequestMetrics
  /** Of flows and requests together. */
  readonly bytes: Counter<'direction' | 'path'>
  readonly services: Pick<ServiceDirectory, 'servicePort'>
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** `Math.random` unless given. */
  readonly random?: () => number
}

const NO_PATH = 'unknown'

const PROTOCOLS = ['http1', 'http2'] as const

/** Of one Service. */
const SERIES = PROTOCOLS.length * METHOD_CLASSES.length * STATUS_CLASSES.length

const ORDINARY: ReadonlySet<RequestOutcome> = new Set<RequestOutcome>(['completed'])

/** Counts HTTP requests at their ends, and writes one line for each. HOT PATH: once per request. */
export class RequestJournal {
  readonly #deps: RequestJournalDeps
  readonly #log: SampledLog<RequestRecord>
  readonly #labels: ServiceLabels
  /** By label of the Service, then by the other labels' numbers. */
  readonly #counters = new Map<string, (BoundCounter | undefined)[]>()
  readonly #bytes = new Map<Path | typeof NO_PATH, BoundCounter>()
  readonly #seconds = {
    http1: new Map<Path | typeof NO_PATH, BoundHistogram>(),
    http2: new Map<Path | typeof NO_PATH, BoundHistogram>(),
  }

  constructor({ flowLogSampleRatio: ratio }: FlowLogOptions, deps: RequestJournalDeps) {
    const { logger, now, random = Math.random, services } = deps
    this.#deps = deps
    this.#labels = new ServiceLabels(services)
    this.#log = new SampledLog(
      { message: 'request ended', ratio, ordinary: ORDINARY, fieldsOf: requestLogFields },
      { logger, now, random },
    )
  }

  end(record: RequestRecord): void {
    const { protocol, path = NO_PATH, durationMs, bytesSent, bytesReceived } = record
    this.#counterOf(record).add()
    this.#bytesOf(path).add(bytesSent + bytesReceived)
    this.#secondsOf(protocol, path).observe(durationMs / 1_000)
    this.#log.ended(record)
  }

  #counterOf(record: RequestRecord): BoundCounter {
    const service = this.#labels.labelOf(record.service)
    const counters = this.#countersOf(service)
    const protocol = PROTOCOLS.indexOf(record.protocol)
    const method = methodClassOf(record.method)
    const status = statusClassOf(record.status)
    const index = (protocol * METHOD_CLASSES.length + method) * STATUS_CLASSES.length + status
    const known = counters[index]
    if (known !== undefined) return known
    const counter = this.#deps.metrics.requests.bind({
      service,
      protocol: record.protocol,
      method: METHOD_CLASSES[method] ?? 'other',
      status: STATUS_CLASSES[status] ?? 'none',
    })
    counters[index] = counter
    return counter
  }

  #countersOf(service: string): (BoundCounter | undefined)[] {
    const known = this.#counters.get(service)
    if (known !== undefined) return known
    const counters = Array.from<undefined>({ length: SERIES })
    this.#counters.set(service, counters)
    return counters
  }

  #secondsOf(protocol: RequestRecord['protocol'], path: Path | typeof NO_PATH): BoundHistogram {
    const byPath = this.#seconds[protocol]
    const known = byPath.get(path)
    if (known !== undefined) return known
    const seconds = this.#deps.metrics.requestSeconds.bind({ protocol, path })
    byPath.set(path, seconds)
    return seconds
  }

  #bytesOf(path: Path | typeof NO_PATH): BoundCounter {
    const known = this.#bytes.get(path)
    if (known !== undefined) return known
    const counter = this.#deps.bytes.bind({ direction: 'outbound', path })
    this.#bytes.set(path, counter)
    return counter
  }
}
