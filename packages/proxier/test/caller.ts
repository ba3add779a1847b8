import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/**
 * Connects to a TCP server `count` times, one after the other, and writes how often it got which answer or error code,
 * as JSON: `caller.ts <ip> <port> <count> [<group id>]`.
 */
const [ip = '', port, count, groupId] = process.argv.slice(2)
const ANSWER_TIMEOUT_MS = 5_000

if (groupId !== undefined) process.setegid?.(Number(groupId))
const results: Record<string, number> = {}
for (let i = 0; i < Number(count); i++) {
  const result = await call()
  results[result] = (results[result] ?? 0) + 1
}
process.stdout.write(JSON.stringify(results))

async function call(): Promise<string> {
  const socket = connect({ host: ip, port: Number(port), signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
  try {
    await once(socket, 'connect')
    return await text(socket)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    socket.destroy()
  }
}
