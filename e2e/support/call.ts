import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost } from '@edgeway/testbed'

/** How a call by curl ended: who answered, or curl's exit code. */
export type CallOutcome =
  | { readonly kind: 'answer'; readonly pod: string; readonly node: string }
  | { readonly kind: 'failed'; readonly curlCode: number }

/** Exit codes of curl(1) that scenarios expect. */
export const CURL = { couldNotResolve: 6, failedToConnect: 7, timedOut: 28, received: 56, empty: 52 } as const

const RETRY_MS = 100
const DEADLINE_MS = 30_000

/** One request to an `http-echo` pod, over a connection of its own. */
export async function call(host: LabHost, url: string, maxSeconds = 10): Promise<CallOutcome> {
  const { code, stdout } = await host.exec(['curl', '--silent', '--max-time', String(maxSeconds), url])
  if (code !== 0) return { kind: 'failed', curlCode: code }
  const { pod, node } = JSON.parse(stdout) as { readonly pod: string; readonly node: string }
  return { kind: 'answer', pod, node }
}

/**
 * Calls until the outcome is as wanted.
 *
 * @returns how long that took, in milliseconds
 * @throws {Error} with the last outcome when it is not so within half a minute
 */
export async function callUntil(
  host: LabHost,
  url: string,
  wanted: (outcome: CallOutcome) => boolean,
): Promise<number> {
  const started = performance.now()
  for (;;) {
    const outcome = await call(host, url, 3)
    const elapsedMs = performance.now() - started
    if (wanted(outcome)) return Math.round(elapsedMs)
    if (elapsedMs > DEADLINE_MS)
      throw new Error(`${url}: still ${JSON.stringify(outcome)} after ${DEADLINE_MS} ms`)
    await delay(RETRY_MS)
  }
}

export function answeredBy(pod: string): (outcome: CallOutcome) => boolean {
  return (outcome) => outcome.kind === 'answer' && outcome.pod === pod
}

export function failedWith(curlCode: number): (outcome: CallOutcome) => boolean {
  return (outcome) => outcome.kind === 'failed' && outcome.curlCode === curlCode
}
