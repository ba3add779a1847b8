import type { Service } from '@edgeway/core'
import type { HealthPolicy } from './condition.ts'

export interface HealthOptions {
  /** For how long an endpoint that failed is left out, the first time. It doubles each further time. */
  readonly baseEjectionMs: number
  /** At most. */
  readonly maxEjectionMs: number
  /** For so long a recovered endpoint answers before it draws calls back from farther ones. */
  readonly settleMs: number
  /** How often endpoints are connected to, of Services whose annotation `edgeway.io/health-check` says `tcp`. */
  readonly checkIntervalMs: number
  /** For one such connection. */
  readonly checkTimeoutMs: number
  /** Connections at one time, that only see whether an endpoint answers. */
  readonly maxConcurrentChecks: number
}

export const DEFAULT_HEALTH_OPTIONS: HealthOptions = {
  baseEjectionMs: 10_000,
  maxEjectionMs: 60_000,
  settleMs: 10_000,
  checkIntervalMs: 10_000,
  checkTimeoutMs: 3_000,
  maxConcurrentChecks: 16,
}

/** A refused or silent endpoint fails the next connection, too; a reset one may have been the client's own doing. */
const FAILURES_TO_EJECT = 1
const RESETS_TO_EJECT = 5

/** As the options say, but for what a DestinationRule wishes. */
export function healthPolicyOf(
  options: HealthOptions,
  service: Pick<Service, 'destinationPolicy'> | undefined,
): HealthPolicy {
  const wish = service?.destinationPolicy?.outlierDetection
  return {
    failuresToEject: wish?.consecutiveFailures ?? FAILURES_TO_EJECT,
    resetsToEject: wish?.consecutiveFailures ?? RESETS_TO_EJECT,
    baseEjectionMs: wish?.baseEjectionMs ?? options.baseEjectionMs,
    maxEjectionMs: options.maxEjectionMs,
    settleMs: options.settleMs,
  }
}
