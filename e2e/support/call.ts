import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost } from '@edgeway/testbed'

/**
 * How a call ended: who answered; nobody accepts connections there; the name does not exist, by an answer of the DNS;
 * or any other failure, such as silence.
 */
export type CallOutcome =
  | { readonly kind: 'answer'; readonly pod: string; readonly node: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'no such name' }
  | { readonly kind: 'failed'; readonly curlCode: number; readonly error: string }

/** Exit codes of curl(1). Each has other causes too, so they alone prove nothing. */
const COULD_NOT_RESOLVE = 6
const FAILED_TO_CONNECT = 7

const RETRY_MS = 100
const DEADLINE_MS = 60_000

/** One request to an `http-echo` pod, over a connection of its own. */
export async function call(host: LabHost, url: string, maxSeconds = 20): Promise<CallOutcome> {
  const options = ['--silent', '--show-error', '--verbose', '--max-time', String(maxSeconds)]
  const { code, stdout, stderr } = await host.exec(['curl', ...options, url])
  if (code === 0) {
    const { pod, node } = JSON.parse(stdout) as { readonly pod: string; readonly node: string }
    return { kind: 'answer', pod, node }
  }
  if (code === FAILED_TO_CONNECT && stderr.includes('Connection refused')) return { kind: 'refused' }
  if (code === COULD_NOT_RESOLVE && (await isUnknown(host, new URL(url).hostname)))
    return { kind: 'no such name' }
  return { kind: 'failed', curlCode: code, error: stderr.trim().split('\n').at(-1) ?? '' }
}

/** True when the DNS says of the name, and of all that the search list makes of it, that there is none. */
async function isUnknown(host: LabHost, name: string): Promise<boolean> {
  const { stdout } = await host.exec(['dig', '+search', '+showsearch', name])
  const statuses = [...stdout.matchAll(/status: (\w+)/g)].map(([, status]) => status)
  return statuses.length > 0 && statuses.every((status) => status === 'NXDOMAIN')
}

/**
 * Calls until the outcome is as wanted.
 *
 * @returns how long that took, in milliseconds
 * @throws {Error} with the last outcome when it is not so within a minute
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

export function endedAs(kind: CallOutcome['kind']): (outcome: CallOutcome) => boolean {
  return (outcome) => outcome.kind === kind
}
