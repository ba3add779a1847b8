/**
 * Sends bytes as they are, each text on a connection of its own, all at once, and writes `connected` once that is done; then what
 * came back on each until the other side had ended or nothing came for a while, as `[{text, ended}]`.
 *
 *     raw-client.ts HOST PORT QUIET_MS BYTES…      base64
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { conclude } from '../announce.ts'

const [host = '', port = '', quiet = '', ...messages] = process.argv.slice(2)

interface Exchange {
  readonly text: string
  /** By the other side. */
  readonly ended: boolean
}

async function begin(message: string): Promise<Socket> {
  const socket = connect({ host, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  socket.write(Buffer.from(message, 'base64'))
  return socket
}

function answerOn(socket: Socket): Promise<Exchange> {
  socket.setTimeout(Number(quiet))
  let text = ''
  return new Promise((resolve) => {
    const over = (ended: boolean): void => {
      socket.destroy()
      resolve({ text, ended })
    }
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('timeout', () => over(false))
    socket.on('end', () => over(true))
    socket.on('error', () => over(true))
  })
}

const sockets = await Promise.all(messages.map(begin))
const answers = Promise.all(sockets.map(answerOn))
process.stderr.write('connected\n')
conclude(await answers)
