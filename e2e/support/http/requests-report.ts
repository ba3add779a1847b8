/** A request that was not answered with 200, or by somebody else's answer. */
export interface RequestFailure {
  /**
   * `status 503`, the status of the answer; `refused`, nobody accepted the connection; `broken`, it ended before the answer was
   * complete; `silent`, no answer within 20 s; `wrong`, the answer is one to another request.
   */
  readonly kind: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number
}

/** What `many-requests.ts` writes. */
export interface RequestsReport {
  /** By the pod that answered, with 200. */
  readonly answers: Readonly<Record<string, number>>
  /** How many failed, by kind. */
  readonly failed: Readonly<Record<string, number>>
  readonly failures: readonly RequestFailure[]
}
