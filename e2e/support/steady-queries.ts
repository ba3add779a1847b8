/**
 * Asks a DNS server for the IPv4 addresses of names over and over, until it gets SIGTERM. Writes `asking` once it does, a
 * line `NAME: ANSWER` for each answer that is another than the one before, and at its end one line of JSON: a `QueriesReport`.
 *
 *     steady-queries.ts SERVER NAME...
 */
import { Resolver } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Outcome, QueriesReport } from './queries-report.ts'

const [server = '', ...names] = process.argv.slice(2)
const PAUSE_MS = 2
const TIMEOUT_MS = 250

let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})

const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 })
resolver.setServers([server])
const report: Record<string, Outcome[]> = {}

/** The addresses in order, or the code of the error: `ENOTFOUND` is NXDOMAIN, `ESERVFAIL` is SERVFAIL. */
async function ask(name: string): Promise<string> {
  try {
    return (await resolver.resolve4(name)).toSorted().join(' ')
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

async function askOver(name: string): Promise<void> {
  const outcomes: Outcome[] = []
  report[name] = outcomes
  while (!isOver) {
    const answer = await ask(name)
    const last = outcomes.at(-1)
    if (last?.answer !== answer) {
      outcomes.push({ answer, since: Date.now() })
      process.stdout.write(`${name}: ${answer}\n`)
    }
    await delay(PAUSE_MS)
  }
}

process.stdout.write('asking\n')
await Promise.all(names.map(askOver))
process.stdout.write(`${JSON.stringify(report satisfies QueriesReport)}\n`)
