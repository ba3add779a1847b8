/**
 * `first-answers-client.ts NAME IP PORT MILLISECONDS`: asks the DNS server of resolv.conf for a name, and an HTTP server
 * for anything, again and again without waiting for answers; ends with a line of JSON, see `FirstAnswers`, when both have
 * answered or the time is over.
 */
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'

const INTERVAL_MS = 20
const QUERY_TIMEOUT_MS = 1_000

const [name = '', ip = '', port = '', milliseconds = ''] = process.argv.slice(2)
const first: { dns: number | null; service: number | null } = { dns: null, service: null }

async function resolve(): Promise<void> {
  await new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 1 }).resolve4(name)
  first.dns ??= Date.now()
}

async function call(): Promise<void> {
  const socket = connect({ host: ip, port: Number(port) })
  socket.setTimeout(QUERY_TIMEOUT_MS, () => socket.destroy())
  socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`)
  for await (const _ of socket) first.service ??= Date.now()
}

function finish(): void {
  process.stdout.write(`${JSON.stringify(first)}\n`)
  process.exit(0)
}

// Until the agent serves, every attempt fails.
const failed = (): undefined => undefined
setInterval(() => {
  if (first.dns === null) resolve().catch(failed)
  if (first.service === null) call().catch(failed)
  if (first.dns !== null && first.service !== null) finish()
}, INTERVAL_MS)
setTimeout(finish, Number(milliseconds))
process.stdout.write('{"asking":true}\n')
