/**
 * What a connect told: the endpoint accepted, it was refused or unreachable, nothing came back in time, or the connect
 * failed for a reason of this process' own and tells nothing.
 */
export type CheckResult = 'accepted' | 'refused' | 'silent' | 'untold'

/** `suspect`: was silent once, which a busy node's pods can be, too. */
export type Health = 'alive' | 'suspect' | 'dead'

/** What the network answers about the endpoint. Any other failure is the machine's own: EMFILE, ENOBUFS, EPERM ... */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
])

/** @param error - why the connect failed, other than by its time limit */
export function resultOfFailure(error: unknown): CheckResult {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ETIMEDOUT') return 'silent'
  return REFUSALS.has(code) ? 'refused' : 'untold'
}

/**
 * One who refuses is dead at once, one who is silent only the second time in a row; who accepts is alive at once. What
 * was not told changes nothing.
 *
 * @param before - `undefined` for one that was not checked yet
 */
export function nextHealth(before: Health | undefined, result: CheckResult): Health {
  switch (result) {
    case 'accepted':
      return 'alive'
    case 'refused':
      return 'dead'
    case 'silent':
      return before === undefined || before === 'alive' ? 'suspect' : 'dead'
    case 'untold':
      return before ?? 'alive'
  }
}
