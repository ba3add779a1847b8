/**
 * Requests to an `origin.ts`, on keep-alive connections, so many at once. Each has a path of its own, and is only answered by an
 * answer that tells of it. Ends after so many requests or, where their number is not given, at SIGTERM; then it writes `ended N`
 * every so often. At its end it writes one line of JSON: a `RequestsReport`.
 *
 *     many-requests.ts HOST PORT METHOD AT_ONCE [COUNT]
 */
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import type { OriginAnswer } from './origin-answer.ts'
import type { RequestFailure, RequestsReport } from './requests-report.ts'

const [host = '', port = '', method = '', atOnce = '', count = ''] = process.argv.slice(2)
/** Once for all: names are not what is tested. */
const { address } = await lookup(host)
const TIMEOUT_MS = 20_000
const PROGRESS_EVERY = 20
/** Nobody hammers an agent that is down. */
const PAUSE_AFTER_FAILURE_MS = 20

const agent = new Agent({ keepAlive: true, maxSockets: Number(atOnce) })
const answers: Record<string, number> = {}
const failures: RequestFailure[] = []
let begun = 0
let ended = 0
let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})

/** @returns who answered */
async function ask(path: string): Promise<string> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const sent = request({ host: address, port: Number(port), path, method, agent, signal, headers: { host } })
  sent.end(method === 'GET' ? '' : `content of ${path}`)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const answer = (await json(response).catch(brokenUnless(response.statusCode))) as Partial<OriginAnswer>
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
  if (answer.path !== path || answer.method !== method || answer.pod === undefined) throw new Error('wrong')
  return answer.pod
}

/** An answer with another status need not be JSON. */
function brokenUnless(status: number | undefined): (error: unknown) => unknown {
  return (error) => {
    if (status === 200) throw error
    return {}
  }
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return 'other'
  if (error.name === 'AbortError') return 'silent'
  const code = 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'refused'
  return error.message === 'wrong' || error.message.startsWith('status ') ? error.message : 'broken'
}

async function timedRequest(path: string): Promise<void> {
  const startedAt = Date.now()
  try {
    const pod = await ask(path)
    answers[pod] = (answers[pod] ?? 0) + 1
  } catch (error) {
    failures.push({ kind: kindOf(error), startedAt, endedAt: Date.now() })
    await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS))
  }
  ended += 1
  if (count === '' && ended % PROGRESS_EVERY === 0) process.stdout.write(`ended ${ended}\n`)
}

async function user(): Promise<void> {
  while (!isOver && (count === '' || begun < Number(count))) {
    begun += 1
    await timedRequest(`/request/${begun}`)
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, user))
const failed: Record<string, number> = {}
for (const { kind } of failures) failed[kind] = (failed[kind] ?? 0) + 1
const report: RequestsReport = { answers, failed, failures }
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
