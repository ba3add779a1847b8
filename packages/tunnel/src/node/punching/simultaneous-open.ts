import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type Attempt, attemptFrom } from './attempt.ts'
import type { OpenPlan, OpenResult } from './open-result.ts'
import { retryPauseMs } from './timing.ts'

/**
 * Connects again and again from one local port, until it is connected or the signal aborts: while both sides do that, their
 * SYNs pass the filters that they open for each other. One SYN at a time: they would all be of one connection.
 *
 * Never rejects, and leaves no socket but the one that it returns.
 *
 * @see RFC 9293, section 3.5 (simultaneous initiation); RFC 5128, section 3.4
 */
export async function openSimultaneously(plan: OpenPlan, signal: AbortSignal): Promise<OpenResult> {
  const { localPort, remote, rttMs } = plan
  let wasRefused = false
  for (let attempts = 1; ; attempts++) {
    const attempt = await attemptFrom(localPort, remote, signal)
    if (attempt.kind === 'connected') return { ...attempt, attempts }
    wasRefused ||= attempt.kind === 'refused'
    if (attempt.kind === 'aborted' || !(await paused(attempts, rttMs, signal)))
      return { kind: outcomeOf(attempt, wasRefused), attempts }
  }
}

function outcomeOf(last: Attempt, wasRefused: boolean): 'reset' | 'timeout' {
  return wasRefused || last.kind === 'refused' ? 'reset' : 'timeout'
}

/** False when the signal aborted. */
async function paused(attempts: number, rttMs: number, signal: AbortSignal): Promise<boolean> {
  const pauseMs = retryPauseMs(attempts, rttMs, Math.random())
  try {
    // A timer takes a millisecond at least.
    await (pauseMs < 1 ? nextTurn(undefined, { signal }) : sleep(pauseMs, undefined, { signal }))
    return true
  } catch {
    return false
  }
}
