import type { Labels, MetricSpec, Metrics } from '@edgeway/core'

/** Metrics of which only the number of label sets, the sums and the last values are kept. */
export class SeriesCount implements Metrics {
  readonly #series = new Set<string>()
  readonly #sums = new Map<string, number>()
  readonly #last = new Map<string, number>()

  /** Label sets of all metrics together. */
  get size(): number {
    return this.#series.size
  }

  /** Of all label sets of that metric. */
  sum(name: string): number {
    return this.#sums.get(name) ?? 0
  }

  last(name: string): number {
    return this.#last.get(name) ?? 0
  }

  counter<Label extends string = never>({ name }: MetricSpec<Label>) {
    const add = (labels: Labels<Label>, value = 1): void => this.#count(name, labels, value)
    return { add, bind: (labels: Labels<Label>) => ({ add: (value?: number) => add(labels, value) }) }
  }

  gauge<Label extends string = never>({ name }: MetricSpec<Label>) {
    return { set: (labels: Labels<Label>, value: number) => this.#count(name, labels, value) }
  }

  histogram<Label extends string = never>({ name }: MetricSpec<Label>) {
    const observe = (labels: Labels<Label>, value: number): void => this.#count(name, labels, value)
    return {
      observe,
      bind: (labels: Labels<Label>) => ({ observe: (value: number) => observe(labels, value) }),
    }
  }

  #count(name: string, labels: Labels<string>, value: number): void {
    this.#series.add(`${name} ${Object.values(labels).join(' ')}`)
    this.#sums.set(name, this.sum(name) + value)
    this.#last.set(name, value)
  }
}
