import type { ConnectionPool } from '@edgeway/core'
import type { RelayLimits } from '../relay/relay-engine.ts'

/** How long a connection may be silent, and last: a DestinationRule's wishes come before the agent's option, where 0 is without limit. */
export function relayLimits({
  pool,
  idleTimeoutMs,
}: {
  readonly pool: Pick<ConnectionPool, 'idleTimeoutMs' | 'maxConnectionDurationMs'>
  readonly idleTimeoutMs: number
}): RelayLimits {
  return {
    idleTimeoutMs: pool.idleTimeoutMs ?? (idleTimeoutMs === 0 ? undefined : idleTimeoutMs),
    maxDurationMs: pool.maxConnectionDurationMs,
  }
}
