import { DialError, type DialFailure, type EndpointAddress } from '@edgeway/core'

const FAILURES: Readonly<Record<string, DialFailure>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  ETIMEDOUT: 'timeout',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  ENOBUFS: 'exhausted',
  ENOMEM: 'exhausted',
  EADDRNOTAVAIL: 'exhausted',
}

/**
 * A system error of connecting, as the mesh tells it. Also a dialer's defect: it costs this flow, as an endpoint that can't
 * be reached would, and no other.
 */
export function dialErrorOf(endpoint: EndpointAddress, error: unknown): DialError {
  if (error instanceof DialError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const failure = FAILURES[code] ?? 'unreachable'
  // Without descriptors or memory no other endpoint does better.
  return new DialError(endpoint, { failure, reason, retryable: failure !== 'exhausted' }, { cause: error })
}
