/**
 * Calls an `http-echo` over and over, each call on a connection of its own. Ends after so many calls or, where their number
 * is not given, at SIGTERM; then it writes `ended N` every so often, N being the calls that have ended so far. At its end it
 * writes one line of JSON: a `CallsReport`.
 *
 *     many-calls.ts HOST PORT AT_ONCE [COUNT]
 */
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { CallFailure, CallsReport } from './calls-report.ts'

const [host = '', port = '', atOnce = '', count = ''] = process.argv.slice(2)
/** Once for all calls: names are not what is tested. */
const { address } = await lookup(host)
const SLOW_MS = 1_000
/** Longer than an agent tries to reach any endpoint. */
const TIMEOUT_MS = 20_000
const PROGRESS_EVERY = 20

const answers: Record<string, number> = {}
const failures: CallFailure[] = []
const durations: number[] = []
const slow: number[] = []
let begun = 0
let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})

async function call(): Promise<string> {
  const socket = connect({ host: address, port: Number(port), signal: AbortSignal.timeout(TIMEOUT_MS) })
  let received = ''
  try {
    await once(socket, 'connect')
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
    socket.on('data', (chunk: Buffer) => {
      received += chunk
    })
    await text(socket)
    const pod = /"pod":"([^"]*)".*\}\n/.exec(received)?.[1]
    if (pod !== undefined) return pod
    throw new Error(received === '' ? 'no answer' : 'cut off')
  } catch (error) {
    // What has begun to answer may not be asked again by anybody.
    if (received !== '') throw new Error('cut off', { cause: error })
    throw error
  } finally {
    socket.destroy()
  }
}

/** How a call failed, as the client sees it. */
function kindOf(error: unknown): CallFailure['kind'] {
  if (!(error instanceof Error)) return 'other'
  if (error.message === 'cut off' || error.message === 'no answer') return error.message
  if (error.name === 'AbortError') return 'silent'
  const code = 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'refused'
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'no answer' : 'other'
}

async function timedCall(): Promise<void> {
  const startedAt = Date.now()
  const started = performance.now()
  try {
    const pod = await call()
    answers[pod] = (answers[pod] ?? 0) + 1
  } catch (error) {
    failures.push({ kind: kindOf(error), startedAt, endedAt: Date.now() })
  }
  const ms = performance.now() - started
  durations.push(ms)
  if (ms > SLOW_MS) slow.push(durations.length - 1)
  if (count === '' && durations.length % PROGRESS_EVERY === 0)
    process.stdout.write(`ended ${durations.length}\n`)
}

async function caller(): Promise<void> {
  while (!isOver && (count === '' || begun < Number(count))) {
    begun += 1
    await timedCall()
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, caller))
const sorted = durations.toSorted((a, b) => a - b)
const quantile = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0)
const failed: Partial<Record<CallFailure['kind'], number>> = {}
for (const { kind } of failures) failed[kind] = (failed[kind] ?? 0) + 1
const report: CallsReport = {
  answers,
  failed,
  failures,
  slow,
  p50Ms: quantile(0.5),
  p99Ms: quantile(0.99),
}
process.stdout.write(`${JSON.stringify(report)}\n`)
