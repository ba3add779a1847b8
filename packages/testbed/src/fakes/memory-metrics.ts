import type { Counter, Gauge, Histogram, Labels, MetricSpec, Metrics } from '@edgeway/core'

/** Metrics that tests can read back: the sum of a counter or histogram, the last value of a gauge. */
export class MemoryMetrics implements Metrics {
  readonly specs = new Map<string, MetricSpec<string>>()
  readonly #values = new Map<string, number>()

  counter<Label extends string = never>(spec: MetricSpec<Label>): Counter<Label> {
    this.specs.set(spec.name, spec)
    const add: Counter<Label>['add'] = (labels, value = 1) =>
      this.#update(spec.name, labels, (before) => before + value)
    return { add, bind: (labels) => ({ add: (value) => add(labels, value) }) }
  }

  gauge<Label extends string = never>(spec: MetricSpec<Label>): Gauge<Label> {
    this.specs.set(spec.name, spec)
    return { set: (labels, value) => this.#update(spec.name, labels, () => value) }
  }

  histogram<Label extends string = never>(
    spec: MetricSpec<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label> {
    this.specs.set(spec.name, spec)
    const observe: Histogram<Label>['observe'] = (labels, value) =>
      this.#update(spec.name, labels, (before) => before + value)
    return { observe, bind: (labels) => ({ observe: (value) => observe(labels, value) }) }
  }

  /** 0 for what was never touched. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.#values.get(keyOf(name, labels)) ?? 0
  }

  #update(name: string, labels: Labels<string>, change: (before: number) => number): void {
    const key = keyOf(name, labels)
    this.#values.set(key, change(this.#values.get(key) ?? 0))
  }
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => a.localeCompare(b))
  return `${name}${JSON.stringify(sorted)}`
}
