/**
 * Opens so many connections, says nothing on any, and stays. Writes `connected` when all are open; ends with an error when
 * one of them is closed.
 *
 *     silent-clients.ts HOST PORT COUNT
 */
import { once } from 'node:events'
import { connect } from 'node:net'

const [host = '', port = '', count = ''] = process.argv.slice(2)

async function open(): Promise<void> {
  const socket = connect({ host, port: Number(port) })
  await once(socket, 'connect')
  socket.once('close', () => {
    throw new Error('a silent connection was closed')
  })
}

await Promise.all(Array.from({ length: Number(count) }, open))
process.stdout.write('connected\n')
