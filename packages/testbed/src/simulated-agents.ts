/** What the program of simulated agents (`packages/tunnel/test/simulated`) and its parent, a bench, tell one another over IPC. */

/** For what the process is started, as its first argument in JSON. */
export interface SimulatedOrder {
  /** `host:port` of each tunnel server. */
  readonly servers: readonly string[]
  readonly joinToken: string
  /** Of the names of its nodes: `<prefix>-<number>`. */
  readonly prefix: string
}

export type SimulatedRequest =
  /** That many more agents begin to join, all at once. */
  { readonly type: 'start'; readonly count: number } | { readonly type: 'report' }

/** The process's agents at one moment; what is counted is counted since the process began. */
export interface SimulatedReport {
  readonly type: 'report'
  /** Of each agent that is joined and holds a reservation now: since when, in milliseconds since 1970. */
  readonly joinedAt: readonly number[]
  /** How often an agent began to join, and how often one got that far. */
  readonly attempts: number
  readonly joins: number
  /** What sessions ended of, and how often; of repeated ones some only. */
  readonly troubles: Readonly<Record<string, number>>
  /** Records that came to agents, known ones included. */
  readonly records: number
  /** Other nodes that an agent knows, the one with the fewest. */
  readonly leastPeers: number
}
