import type { HealthState } from '@edgeway/core'
import type { EndpointFailure } from '../balance/endpoint-reports.ts'

/** When an endpoint is left out, and for how long. */
export interface HealthPolicy {
  /** Connections in a row that could not be made; 0: it is never left out for that. */
  readonly failuresToEject: number
  /** Connections in a row that it reset before its first byte; 0 as above. */
  readonly resetsToEject: number
  /** The first time; it doubles each time that the endpoint has not recovered well. */
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  /** For so long it answers again before it draws calls back from others. */
  readonly settleMs: number
}

/** What is known of one endpoint. One of which nothing is known has none. Times are in milliseconds of one clock. */
export interface Condition {
  readonly state: HealthState
  /** When it is to be looked at again: to be tried, trusted or forgotten. */
  readonly until: number
  /** Failures in a row since the last connection; those of the other sort since the last answer. */
  readonly failures: number
  readonly resets: number
  /** How often in a row it was left out. */
  readonly ejections: number
  /** Left out for what it answered: that it can be connected to says nothing of that, so it stays out for all of its time. */
  readonly isHeld: boolean
}

interface Failed {
  readonly failure: EndpointFailure
  readonly now: number
}

/** A count that no success ends is kept for so long. */
const REMEMBERED_MS = 3_600_000

/** Of the way to an endpoint, not of the endpoint: when the way is back, so is the endpoint. */
const PATH_FAILURES: ReadonlySet<EndpointFailure> = new Set(['no-peer', 'no-path', 'rejected'])

const UNKNOWN: Condition = { state: 'healthy', until: 0, failures: 0, resets: 0, ejections: 0, isHeld: false }

/** One that is left out is not moved by further failures: they are of flows that had begun before, or had no choice. */
export function afterFailure(
  known: Condition | undefined,
  { failure, now }: Failed,
  policy: HealthPolicy,
): Condition {
  const condition = known ?? UNKNOWN
  if (condition.state === 'unhealthy') return condition
  // Who tells of statuses has counted them.
  if (failure === 'status') return ejected(condition, { failure, now }, policy)
  const isReset = failure === 'reset'
  const counted = isReset
    ? { ...condition, resets: condition.resets + 1 }
    : { ...condition, failures: condition.failures + 1 }
  if (isTooMuch(counted, isReset, policy)) return ejected(condition, { failure, now }, policy)
  return condition.state === 'recovering' ? counted : { ...counted, until: now + REMEMBERED_MS }
}

/** One that recovers has no credit; but not for resets, which clients alone can provoke. */
function isTooMuch(
  { state, failures, resets }: Condition,
  isReset: boolean,
  { failuresToEject, resetsToEject }: HealthPolicy,
): boolean {
  if (isReset) return resetsToEject > 0 && resets >= resetsToEject
  return failuresToEject > 0 && (failures >= failuresToEject || state === 'recovering')
}

/** After a try of one that is left out: it fails still. */
export function afterFailedTry(condition: Condition, failed: Failed, policy: HealthPolicy): Condition {
  return ejected(condition, failed, policy)
}

/** After a try of one that is left out: it answers. */
export function afterTry(condition: Condition, now: number, policy: HealthPolicy): Condition {
  const until = now + policy.settleMs
  return { ...condition, state: 'recovering', failures: 0, resets: 0, isHeld: false, until }
}

/** @returns `undefined` for one of which nothing need be known any more */
export function afterConnection(
  condition: Condition | undefined,
  now: number,
  policy: HealthPolicy,
): Condition | undefined {
  if (condition === undefined) return undefined
  if (condition.state === 'unhealthy') return condition.isHeld ? condition : afterTry(condition, now, policy)
  return relaxed({ ...condition, failures: 0 })
}

/** It sent something: what it does is more than to accept. */
export function afterAnswer(condition: Condition | undefined): Condition | undefined {
  return condition && relaxed({ ...condition, resets: 0 })
}

/** At its time: one that has recovered is trusted, and its ejections are remembered for a while yet. */
export function whenDue(condition: Condition, now: number, policy: HealthPolicy): Condition | undefined {
  if (condition.state !== 'recovering') return undefined
  return { ...condition, state: 'healthy', until: now + policy.maxEjectionMs }
}

function relaxed(condition: Condition): Condition | undefined {
  const { state, failures, resets, ejections } = condition
  return state === 'healthy' && failures + resets + ejections === 0 ? undefined : condition
}

function ejected(
  { ejections }: Condition,
  { failure, now }: Failed,
  { baseEjectionMs, maxEjectionMs }: HealthPolicy,
): Condition {
  const count = PATH_FAILURES.has(failure) ? Math.max(1, ejections) : ejections + 1
  const periodMs = Math.min(baseEjectionMs * 2 ** (count - 1), Math.max(baseEjectionMs, maxEjectionMs))
  const isHeld = failure === 'status'
  return { state: 'unhealthy', until: now + periodMs, failures: 0, resets: 0, ejections: count, isHeld }
}
