/**
 * A client that calls over and over, each call on a connection of its own, until it gets SIGTERM. Writes `answered` at
 * the first answer, and at its end one line of JSON: how many calls were answered, how many failed, and the longest time
 * between two answers.
 *
 *     steady-calls.ts HOST PORT
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

const [host = '', port = ''] = process.argv.slice(2)
/** Between two calls, and how long one may take. */
const PAUSE_MS = 5
const TIMEOUT_MS = 1_000

let isOver = false
let answered = 0
let failed = 0
let longestGapMs = 0
let lastAnswerAt: number | undefined
process.once('SIGTERM', () => {
  isOver = true
})

async function isAnswered(): Promise<boolean> {
  const socket = connect({ host, port: Number(port), signal: AbortSignal.timeout(TIMEOUT_MS) })
  try {
    await once(socket, 'connect')
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
    return (await text(socket)).includes('"pod":')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

while (!isOver) {
  if (await isAnswered()) {
    answered += 1
    const now = performance.now()
    longestGapMs = Math.max(longestGapMs, now - (lastAnswerAt ?? now))
    lastAnswerAt = now
    process.stdout.write(answered === 1 ? 'answered\n' : '')
  } else failed += 1
  await delay(PAUSE_MS)
}
// The last gap may not have ended yet.
longestGapMs = Math.max(longestGapMs, performance.now() - (lastAnswerAt ?? performance.now()))
process.stdout.write(`${JSON.stringify({ answered, failed, longestGapMs: Math.round(longestGapMs) })}\n`)
