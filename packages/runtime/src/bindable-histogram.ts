import type { BoundHistogram } from '@edgeway/core'
import * as prometheus from 'prom-client'

/**
 * A histogram of prom-client's that counts by itself: there, each observation finds its labels anew by a text made of them, which
 * costs more than the request that is measured may.
 */
export class BindableHistogram extends prometheus.Histogram {
  readonly #name: string
  readonly #help: string
  readonly #labelNames: readonly string[]
  readonly #bounds: readonly number[]
  readonly #bound = new Map<string, Observations>()

  constructor(configuration: prometheus.HistogramConfiguration<string> & { readonly buckets: number[] }) {
    super(configuration)
    this.#name = configuration.name
    this.#help = configuration.help
    this.#labelNames = [...(configuration.labelNames ?? [])]
    this.#bounds = configuration.buckets
    if (this.#labelNames.length === 0) this.bind({})
  }

  /** @returns the same object for equal labels */
  bind(labels: LabelTexts): BoundHistogram {
    const key = JSON.stringify(this.#labelNames.map((name) => labels[name]))
    const known = this.#bound.get(key)
    if (known !== undefined) return known
    const observations = new Observations(labels, this.#bounds)
    this.#bound.set(key, observations)
    return observations
  }

  /** What the registry, and `get`, read; prom-client's types don't tell of it. */
  async getForPromString() {
    const values = [...this.#bound.values()].flatMap((observations) => observations.samples(this.#name))
    return { name: this.#name, help: this.#help, type: 'histogram', values }
  }
}

type LabelTexts = Readonly<Record<string, string>>

interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly sharedLabels: LabelTexts
  readonly value: number
}

/** What was observed with the same labels. */
class Observations implements BoundHistogram {
  readonly #labels: LabelTexts
  readonly #bounds: readonly number[]
  /** Of each bucket by itself; the last one is that of what is beyond all bounds. */
  readonly #counts: number[]
  #sum = 0

  constructor(labels: LabelTexts, bounds: readonly number[]) {
    this.#labels = labels
    this.#bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    let index = 0
    while (index < this.#bounds.length && value > (this.#bounds[index] ?? 0)) index++
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#sum += value
  }

  samples(name: string): Sample[] {
    const sharedLabels = this.#labels
    let count = 0
    const buckets = this.#counts.map((own, index): Sample => {
      count += own
      const le = this.#bounds[index] ?? '+Inf'
      return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, sharedLabels, value: this.#sum },
      { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
    ]
  }
}
