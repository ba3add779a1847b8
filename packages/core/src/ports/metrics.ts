/** Name, help and label names of a metric; names are `edgeway_<package>_<noun>_<unit>`, counters end in `_total`. */
export interface MetricSpec<Label extends string> {
  readonly name: string
  readonly help: string
  /** Label values must come from closed sets: never a client address, a peer id or a query name. */
  readonly labels?: readonly Label[]
}

export type Labels<Label extends string> = Readonly<Record<Label, string>>

export interface Counter<Label extends string> {
  add(labels: Labels<Label>, value?: number): void
  /** For hot paths: adds to these labels again and again, without finding them anew each time. To be kept, as it is never freed. */
  bind(labels: Labels<Label>): BoundCounter
}

/** A counter's value of fixed labels. */
export interface BoundCounter {
  add(value?: number): void
}

export interface Gauge<Label extends string> {
  set(labels: Labels<Label>, value: number): void
}

export interface Histogram<Label extends string> {
  observe(labels: Labels<Label>, value: number): void
  /** As `Counter.bind`. */
  bind(labels: Labels<Label>): BoundHistogram
}

/** A histogram's values of fixed labels. */
export interface BoundHistogram {
  observe(value: number): void
}

/** Where a package registers its metrics, once, at start. */
export interface Metrics {
  counter<Label extends string = never>(spec: MetricSpec<Label>): Counter<Label>
  gauge<Label extends string = never>(spec: MetricSpec<Label>): Gauge<Label>
  /** @param spec - `buckets` are upper bounds in the unit of the name, ascending */
  histogram<Label extends string = never>(
    spec: MetricSpec<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label>
}
