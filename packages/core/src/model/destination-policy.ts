/** How connections to a Service are to be treated, beyond what Kubernetes' API can say; what is `undefined` is not wished. */
export interface DestinationPolicy {
  readonly balancing: DestinationBalancing | undefined
  readonly connectionPool: ConnectionPool
  readonly outlierDetection: OutlierDetection | undefined
}

/** How an endpoint is chosen; by the hash of a header or of a cookie, for each HTTP request. */
export type DestinationBalancing =
  | { readonly kind: 'random' | 'round-robin' | 'least-connections' | 'source-ip-hash' }
  | HeaderHash
  | CookieHash

/** Requests with equal values of that header go to the same endpoint. */
export interface HeaderHash {
  readonly kind: 'header-hash'
  /** In lower case. */
  readonly header: string
}

/** Requests with equal values of that cookie go to the same endpoint. */
export interface CookieHash {
  readonly kind: 'cookie-hash'
  readonly cookie: StickyCookie
  /** True: it is the application's own, and nobody is given one by the mesh. Otherwise who has none is. */
  readonly isForeign?: true | undefined
}

/** A cookie as it is issued (RFC 6265, 4.1; SameSite: draft-ietf-httpbis-rfc6265bis). */
export interface StickyCookie {
  readonly name: string
  /** The one of the request where it is `undefined`, as browsers have it. */
  readonly path: string | undefined
  /** `undefined`: until the browser ends. */
  readonly ttlSeconds: number | undefined
  readonly sameSite: 'Strict' | 'Lax' | 'None' | undefined
}

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
  readonly http: HttpConnectionPool | undefined
}

/** Limits of a node's HTTP connections to a Service; what is `undefined` is as by default. */
export interface HttpConnectionPool {
  /** Requests that wait for a connection at most, all endpoints together; more are answered with 503. */
  readonly maxPendingRequests: number | undefined
  /** Requests that are under way at most; more are answered with 503. */
  readonly maxRequests: number | undefined
  /** After so many a connection to an endpoint is closed. */
  readonly maxRequestsPerConnection: number | undefined
  /** Second and further tries that are under way at one time. */
  readonly maxRetries: number | undefined
  /** For so long a connection to an endpoint is kept without a request. */
  readonly idleTimeoutMs: number | undefined
  /** Of one HTTP/2 connection to an endpoint. */
  readonly maxConcurrentStreams: number | undefined
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
  /** Responses in a row with a status of 500 to 599; 0 or `undefined`: it is not looked at. */
  readonly consecutive5xx: number | undefined
  /** Responses in a row with 502, 503 or 504; as above. */
  readonly consecutiveGatewayErrors: number | undefined
}

/** Without any wish. */
export const NO_CONNECTION_POOL: ConnectionPool = {
  maxConnections: undefined,
  connectTimeoutMs: undefined,
  idleTimeoutMs: undefined,
  maxConnectionDurationMs: undefined,
  keepAlive: undefined,
  http: undefined,
}

/** Without any wish. */
export const NO_HTTP_POOL: HttpConnectionPool = {
  maxPendingRequests: undefined,
  maxRequests: undefined,
  maxRequestsPerConnection: undefined,
  maxRetries: undefined,
  idleTimeoutMs: undefined,
  maxConcurrentStreams: undefined,
}
