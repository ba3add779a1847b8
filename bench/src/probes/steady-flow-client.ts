/**
 * `steady-flow-client.ts IP PORT`: one connection to an echo server, and a byte there and back at a steady rate. Writes
 * `open` at the first one back; at SIGTERM, or when the connection ends before, a line of JSON, see `FlowReport`.
 */
import { connect } from 'node:net'
import type { FlowReport } from './steady-flow.ts'

const INTERVAL_MS = 50

const [ip = '', port = ''] = process.argv.slice(2)
const socket = connect({ host: ip, port: Number(port), noDelay: true })
let [sent, answered, longestGapMs] = [0, 0, 0]
let lastAt = performance.now()

function end(isLost: boolean): void {
  const report: FlowReport = {
    isLost,
    missingBytes: sent - answered,
    longestGapMs: Math.max(longestGapMs, performance.now() - lastAt),
  }
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit())
}

socket.on('data', ({ length }) => {
  const now = performance.now()
  if (answered === 0) process.stdout.write('open\n')
  else longestGapMs = Math.max(longestGapMs, now - lastAt)
  answered += length
  lastAt = now
})
// `close` follows.
socket.on('error', () => {})
socket.once('close', () => end(true))
process.once('SIGTERM', () => end(false))

function send(): void {
  sent += 1
  socket.write('x')
}

send()
setInterval(send, INTERVAL_MS)
