/** What some queries in a row for one name were all answered. */
export interface Outcome {
  /** Addresses with spaces between, or the code of an error of `node:dns`, e.g. `ENOTFOUND` (NXDOMAIN) or `ECONNREFUSED`. */
  readonly answer: string
  /** When the first of these answers came, in milliseconds since 1970. */
  readonly since: number
}

/** What `steady-queries.ts` writes: by name, in the order in which it happened. */
export type QueriesReport = Readonly<Record<string, readonly Outcome[]>>
