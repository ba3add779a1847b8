import type { BoundCounter, Counter, Gauge, Histogram, Labels, MetricSpec, Metrics } from '@edgeway/core'
import * as prometheus from 'prom-client'
import { BindableHistogram } from './bindable-histogram.ts'
import { MetricSpecError } from './errors.ts'

/** `edgeway_<package>_<noun>…`, the package in one word. */
const NAME = /^edgeway_[a-z0-9]+(_[a-z0-9]+)+$/
const LABEL = /^[a-z][a-z0-9_]*$/
/** Prometheus' base units are seconds and bytes; what would need a conversion in each query is refused. */
const NOT_A_BASE_UNIT = /_(ms|millis|milliseconds|minutes|kb|mb|kilobytes|megabytes)(_total)?$/
const HISTOGRAM_UNIT = /_(seconds|bytes)$/

type MetricKind = 'counter' | 'gauge' | 'histogram'

/**
 * Metrics over prom-client, in a registry of their own, with those of the process (CPU, memory, event loop lag,
 * garbage collection) beside them.
 */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new prometheus.Registry()

  constructor() {
    prometheus.collectDefaultMetrics({ register: this.#registry })
  }

  /** Content type of `text()`. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** Everything that was registered, in Prometheus' text format. */
  async text(): Promise<string> {
    return this.#registry.metrics()
  }

  counter<Label extends string = never>(spec: MetricSpec<Label>): Counter<Label> {
    const bound: BoundCount<Label>[] = []
    const counter = new prometheus.Counter({
      ...this.#configuration(spec, 'counter'),
      // Before each reading: until then what was counted of fixed labels is a plain number.
      collect() {
        for (const count of bound) this.inc(count.labels, count.take())
      },
    })
    return {
      add: (labels, value = 1) => counter.inc(labels, value),
      bind: (labels) => {
        const count = new BoundCount(labels)
        bound.push(count)
        return count
      },
    }
  }

  gauge<Label extends string = never>(spec: MetricSpec<Label>): Gauge<Label> {
    const gauge = new prometheus.Gauge(this.#configuration(spec, 'gauge'))
    return { set: (labels, value) => gauge.set(labels, value) }
  }

  histogram<Label extends string = never>(
    spec: MetricSpec<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label> {
    const buckets = [...spec.buckets]
    const histogram = new BindableHistogram({ ...this.#configuration(spec, 'histogram'), buckets })
    return {
      observe: (labels, value) => histogram.bind(labels).observe(value),
      bind: (labels) => histogram.bind(labels),
    }
  }

  #configuration<Label extends string>(spec: MetricSpec<Label>, kind: MetricKind) {
    const problem = problemOf(spec, kind)
    if (problem !== undefined) throw new MetricSpecError(`${kind} ${spec.name} ${problem}`)
    if (this.#registry.getSingleMetric(spec.name) !== undefined)
      throw new MetricSpecError(`${kind} ${spec.name} is registered twice`)
    return {
      name: spec.name,
      help: spec.help,
      labelNames: [...(spec.labels ?? [])],
      registers: [this.#registry],
    }
  }
}

/** What was added to fixed labels since prom-client was last told. */
class BoundCount<Label extends string> implements BoundCounter {
  readonly labels: Labels<Label>
  #value = 0

  constructor(labels: Labels<Label>) {
    this.labels = labels
  }

  add(value = 1): void {
    this.#value += value
  }

  take(): number {
    const value = this.#value
    this.#value = 0
    return value
  }
}

/** What breaks the convention, or `undefined`. Pure, so that a lint can use it too. */
export function problemOf(spec: MetricSpec<string>, kind: MetricKind): string | undefined {
  if (!NAME.test(spec.name)) return 'is not named edgeway_<package>_<noun>'
  if (NOT_A_BASE_UNIT.test(spec.name)) return 'must be in seconds or bytes'
  if (spec.name.endsWith('_total') !== (kind === 'counter'))
    return kind === 'counter' ? 'must end in _total' : 'must not end in _total'
  if (kind === 'histogram' && !HISTOGRAM_UNIT.test(spec.name))
    return 'must end in its unit, _seconds or _bytes'
  if (spec.help.trim() === '') return 'has no help'
  const badLabel = spec.labels?.find((label) => !LABEL.test(label))
  return badLabel === undefined ? undefined : `has a label that is not snake_case: ${badLabel}`
}
