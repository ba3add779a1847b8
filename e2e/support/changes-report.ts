/** What `changing-names.ts` is told. */
export interface ChangesPlan {
  /** Of the API server, without TLS. */
  readonly api: string
  /** IP address of the DNS server that is asked. */
  readonly server: string
  readonly namespace: string
  /** Where the endpoints are: the node that is asked. */
  readonly node: string
  readonly names: number
  readonly changesPerSecond: number
  /** Clients that ask for any name, one query after the other. */
  readonly clients: number
}

/** What `changing-names.ts` writes. */
export interface ChangesReport {
  readonly changes: number
  readonly perSecond: number
  /** From the moment a change is sent to the API server to the first answer with it, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly longestMs: number
  /** Queries of the clients. */
  readonly asked: number
  /** Answers that could not be true by then, and missing ones: the first few, in words. */
  readonly wrong: readonly string[]
  readonly wrongCount: number
}
