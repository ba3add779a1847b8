/**
 * A call that got no whole answer: the connection was refused; it was closed or reset before the first byte of an answer, or
 * after it; nothing came for very long.
 */
export interface CallFailure {
  readonly kind: 'refused' | 'no answer' | 'cut off' | 'silent' | 'other'
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number
}

/** What `many-calls.ts` writes. */
export interface CallsReport {
  /** By the pod that answered. */
  readonly answers: Readonly<Record<string, number>>
  /** How many failed, by kind. */
  readonly failed: Readonly<Partial<Record<CallFailure['kind'], number>>>
  readonly failures: readonly CallFailure[]
  /** Calls that took longer than a second: how many calls had ended before each. */
  readonly slow: readonly number[]
  readonly p50Ms: number
  readonly p99Ms: number
}
