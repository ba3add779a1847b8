/**
 * `steady-client.ts IP PORT`: a new connection to an echo server at a steady rate, each for one byte there and back. Writes
 * a line of JSON for each once it has ended, see `Attempt`.
 */
import { connect } from 'node:net'
import { ATTEMPT_TIMEOUT_MS } from './steady.ts'

const INTERVAL_MS = 50

const [ip = '', port = ''] = process.argv.slice(2)

function attempt(): void {
  const startedAt = Date.now()
  const socket = connect({ host: ip, port: Number(port), noDelay: true })
  const end = (outcome: 'ok' | 'failed' | 'silent'): void => {
    // No TIME_WAIT: the client's ports would run out.
    socket.removeAllListeners('error').on('error', () => {})
    socket.resetAndDestroy()
    process.stdout.write(`${JSON.stringify({ startedAt, ms: Date.now() - startedAt, outcome })}\n`)
  }
  socket.write('x')
  socket.once('data', () => end('ok'))
  socket.once('error', () => end('failed'))
  socket.once('end', () => end('failed'))
  socket.setTimeout(ATTEMPT_TIMEOUT_MS, () => end('silent'))
}

setInterval(attempt, INTERVAL_MS)
