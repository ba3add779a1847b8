/**
 * `reachability-client.ts IP PORT`: connects again and again, and writes a line of JSON, see `Reachability`, whenever that
 * goes otherwise than the time before.
 */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const INTERVAL_MS = 5
const TIMEOUT_MS = 200

const [ip = '', port = ''] = process.argv.slice(2)

function attempt(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port: Number(port) })
    const end = (outcome: string): void => {
      // No TIME_WAIT: the client's ports would run out.
      socket.resetAndDestroy()
      resolve(outcome)
    }
    socket.setTimeout(TIMEOUT_MS, () => end('silent'))
    socket.once('connect', () => end('accepted'))
    // An agent that has accepted what it then can't forward resets it.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? 'refused' : 'reset'),
    )
  })
}

let last = ''
for (;;) {
  const outcome = await attempt()
  if (outcome !== last) process.stdout.write(`${JSON.stringify({ outcome, at: Date.now() })}\n`)
  last = outcome
  await delay(INTERVAL_MS)
}
