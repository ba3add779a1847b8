/**
 * A WebSocket server. To each binary message it answers with a text, the SHA-256 of what came, and then with a binary
 * message of as many bytes of `streamBytes`, seed 2.
 *
 *     websocket-server.ts PORT
 */
import { WebSocketServer } from 'ws'
import { announce } from '../announce.ts'
import { sha256, streamBytes } from './stream-bytes.ts'

const port = Number(process.argv[2])
const server = new WebSocketServer({ port })
server.on('connection', (socket) => {
  // The client went away; the server goes on for the others.
  socket.on('error', () => socket.terminate())
  socket.on('message', (message: Buffer) => {
    socket.send(sha256(message))
    socket.send(streamBytes(message.length, 2))
  })
})
server.on('listening', () => announce(port))
