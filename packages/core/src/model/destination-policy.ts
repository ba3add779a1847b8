/** How connections to a Service are to be treated, beyond what Kubernetes' API can say; what is `undefined` is not wished. */
export interface DestinationPolicy {
  readonly balancing: DestinationBalancing | undefined
  readonly connectionPool: ConnectionPool
  readonly outlierDetection: OutlierDetection | undefined
}

export const DESTINATION_BALANCINGS = [
  'random',
  'round-robin',
  'least-connections',
  'source-ip-hash',
] as const

export type DestinationBalancing = (typeof DESTINATION_BALANCINGS)[number]

/** Limits of a node's connections to a Service. */
export interface ConnectionPool {
  /** Open ones at most, all endpoints together; more are refused. */
  readonly maxConnections: number | undefined
  /** For one endpoint. */
  readonly connectTimeoutMs: number | undefined
  /** Without a byte in either direction. */
  readonly idleTimeoutMs: number | undefined
  readonly maxConnectionDurationMs: number | undefined
  readonly keepAlive: KeepAlive | undefined
}

/** TCP keep-alive (tcp(7)); what is `undefined` stays as the agent has it. */
export interface KeepAlive {
  readonly probes: number | undefined
  /** Silence before the first probe. */
  readonly timeMs: number | undefined
  readonly intervalMs: number | undefined
}

/** When an endpoint that fails is left out. What is `undefined` is as by default. */
export interface OutlierDetection {
  /** Connections in a row that failed; 0: never left out for that. */
  readonly consecutiveFailures: number | undefined
  /** For how long it is left out at first; each time anew for longer. */
  readonly baseEjectionMs: number | undefined
  /** Of all endpoints, that may be left out at one time, 0 to 100; one may always. */
  readonly maxEjectionPercent: number | undefined
}

/** Without any wish. */
export const NO_CONNECTION_POOL: ConnectionPool = {
  maxConnections: undefined,
  connectTimeoutMs: undefined,
  idleTimeoutMs: undefined,
  maxConnectionDurationMs: undefined,
  keepAlive: undefined,
}
