/**
 * Sends one binary message to a `websocket-server.ts` and takes the two that it answers with; writes the checksum of the
 * first as the server saw it, and of the second as it came.
 *
 *     websocket-client.ts HOST PORT BYTES
 */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { conclude } from '../announce.ts'
import { sha256, streamBytes } from './stream-bytes.ts'

const [host = '', port = '', bytes = ''] = process.argv.slice(2)
const socket = new WebSocket(`ws://${host}:${port}/`)
const answers: Buffer[] = []
const answered = new Promise<void>((resolve, reject) => {
  socket.on('message', (message: Buffer) => {
    if (answers.push(message) === 2) resolve()
  })
  socket.on('close', () => reject(new Error('closed before both answers came')))
  socket.on('error', reject)
})
await once(socket, 'open')
socket.send(streamBytes(Number(bytes), 1))
await answered
const [seen = Buffer.alloc(0), received = Buffer.alloc(0)] = answers
conclude({ sent: seen.toString(), received: sha256(received) })
