import { type HttpConnectionPool, NO_CONNECTION_POOL, NO_HTTP_POOL, type Service } from '@edgeway/core'

/** A Service whose pool has those limits, and no others. */
export function limited(
  http: Partial<HttpConnectionPool> | Record<string, number>,
): Pick<Service, 'destinationPolicy'> {
  const connectionPool = { ...NO_CONNECTION_POOL, http: { ...NO_HTTP_POOL, ...http } }
  return { destinationPolicy: { balancing: undefined, connectionPool, outlierDetection: undefined } }
}
