/**
 * `first-byte-client.ts IP PORT COUNT`: connections to an echo server, one after the other, and a line of JSON: of each the
 * milliseconds from its begin to its first byte back, `null` where none came.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

const TIMEOUT_MS = 10_000

const [ip = '', port = '', count = ''] = process.argv.slice(2)

async function firstByteMs(): Promise<number | null> {
  const startedAt = performance.now()
  const socket = connect({ host: ip, port: Number(port), noDelay: true })
  socket.write('x')
  try {
    await once(socket, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return performance.now() - startedAt
  } catch {
    return null
  } finally {
    socket.removeAllListeners('error').on('error', () => {})
    socket.destroy()
  }
}

const times: (number | null)[] = []
for (let index = 0; index < Number(count); index++) times.push(await firstByteMs())
process.stdout.write(`${JSON.stringify(times)}\n`)
