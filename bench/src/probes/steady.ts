import { fileURLToPath } from 'node:url'
import type { LabHost, LabProcess } from '@edgeway/testbed'

const CLIENT = fileURLToPath(new URL('./steady-client.ts', import.meta.url))

/** After that long without a byte an attempt is over. */
export const ATTEMPT_TIMEOUT_MS = 10_000

/** A connection of a steady row of them. */
export interface Attempt {
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Until its first byte back, or until it had failed. */
  readonly ms: number
  /** `silent`: nothing came within `ATTEMPT_TIMEOUT_MS`. */
  readonly outcome: 'ok' | 'failed' | 'silent'
}

/** New connections to an echo server, 20 a second, until it is disposed. */
export class SteadyConnections implements AsyncDisposable {
  readonly #process: LabProcess

  constructor(client: LabHost, ip: string, port: number) {
    this.#process = client.spawn([process.execPath, CLIENT, ip, String(port)])
  }

  /** Those that have ended so far, in the order in which they were started. */
  async attempts(): Promise<readonly Attempt[]> {
    const lines = (await this.#process.output()).split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Attempt).toSorted((a, b) => a.startedAt - b.startedAt)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}

/** What a disturbance meant to new connections. */
export interface Outage {
  /** From the disturbance until the first connection was started from which on all were quick. */
  readonly seconds: number
  /** Connections that came to nothing. */
  readonly failed: number
  /** Of those that worked, until its first byte. */
  readonly slowestSeconds: number
}

/**
 * @param since - of the disturbance, in milliseconds since 1970
 * @param quickMs - what is slower than that still suffers from it
 */
export function outageOf(attempts: readonly Attempt[], since: number, quickMs: number): Outage {
  const after = attempts.filter(({ startedAt }) => startedAt >= since)
  const bad = after.filter(({ ms, outcome }) => outcome !== 'ok' || ms > quickMs)
  const next = after.find(({ startedAt }) => startedAt > (bad.at(-1)?.startedAt ?? Number.NEGATIVE_INFINITY))
  const works = after.filter(({ outcome }) => outcome === 'ok')
  return {
    seconds: bad.length === 0 ? 0 : ((next?.startedAt ?? Number.POSITIVE_INFINITY) - since) / 1_000,
    failed: after.length - works.length,
    slowestSeconds: Math.max(0, ...works.map(({ ms }) => ms)) / 1_000,
  }
}

/** The longest time without an answer from that moment to that one, in seconds; both are in milliseconds since 1970. */
export function longestSilence(attempts: readonly Attempt[], since: number, until: number): number {
  const answers = attempts
    .filter(({ outcome }) => outcome === 'ok')
    .map(({ startedAt, ms }) => startedAt + ms)
    .filter((at) => at >= since && at <= until)
  const moments = [since, ...answers.toSorted((a, b) => a - b), until]
  return Math.max(...moments.slice(1).map((at, index) => at - (moments[index] ?? at))) / 1_000
}
