import { NO_CONNECTION_POOL, type Service } from '@edgeway/core'

const NO_LIMITS = {
  maxPendingRequests: undefined,
  maxRequests: undefined,
  maxRequestsPerConnection: undefined,
  maxRetries: undefined,
  idleTimeoutMs: undefined,
  maxConcurrentStreams: undefined,
}

/** A Service whose pool has those limits, and no others. */
export function limited(
  http: Partial<typeof NO_LIMITS> | Record<string, number>,
): Pick<Service, 'destinationPolicy'> {
  const connectionPool = { ...NO_CONNECTION_POOL, http: { ...NO_LIMITS, ...http } }
  return { destinationPolicy: { balancing: undefined, connectionPool, outlierDetection: undefined } }
}
