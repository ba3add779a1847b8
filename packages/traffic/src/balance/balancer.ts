/** An endpoint as a balancer sees it. */
export interface Candidate {
  /** Its identity, the same for as long as the endpoint exists. */
  readonly key: string
  /** Its share, relative to the others': a positive integer. */
  readonly weight: number
  /** Flows that this node has open to it now. */
  readonly openFlows: number
  /** How long connecting takes, as a peak-sensitive moving average; `undefined` before the first connection. */
  readonly connectMs: number | undefined
}

/**
 * Chooses an endpoint for a new flow. Pure but for what it remembers of earlier choices; survives candidates that come and go
 * between calls.
 */
export interface Balancer {
  /**
   * @param candidates - not empty, in a stable order; a flow whose endpoint could not be connected to asks again without it
   * @param client - what must stay together: IP address of who calls, without a port, or what a hash of requests goes by
   */
  pick<Item extends Candidate>(candidates: readonly [Item, ...Item[]], client: string): Item
}
