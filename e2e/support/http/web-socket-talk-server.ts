/**
 * A WebSocket server that does as it is told by texts, JSON `WebSocketOrder`, each answered by a text.
 *
 *     web-socket-talk-server.ts PORT
 */
import { once } from 'node:events'
import { type WebSocket, WebSocketServer } from 'ws'
import { announce } from '../announce.ts'
import { sha256 } from '../protocols/stream-bytes.ts'
import type { WebSocketOrder } from './web-socket-order.ts'

const port = Number(process.argv[2])
const closes: { readonly code: number; readonly reason: string }[] = []
const server = new WebSocketServer({
  port,
  // The last one wished for, to be seen to be the server's choice.
  handleProtocols: (protocols) => [...protocols].at(-1) ?? false,
  perMessageDeflate: true,
})

async function follow(socket: WebSocket, order: WebSocketOrder): Promise<void> {
  if ('close' in order) socket.close(order.close, order.reason)
  else if ('terminate' in order) socket.terminate()
  else if ('ping' in order) {
    socket.ping(order.ping)
    const [payload] = (await once(socket, 'pong')) as [Buffer]
    socket.send(payload.toString())
  } else socket.send(JSON.stringify(closes))
}

server.on('connection', (socket) => {
  // The client went away; the server goes on for the others.
  socket.on('error', () => socket.terminate())
  socket.on('close', (code, reason) => closes.push({ code, reason: reason.toString() }))
  socket.on('message', (message: Buffer, isBinary) => {
    if (isBinary) socket.send(sha256(message))
    else follow(socket, JSON.parse(message.toString()) as WebSocketOrder).catch(() => socket.terminate())
  })
})
server.on('listening', () => announce(port))
