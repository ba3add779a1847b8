/** `idle-echo.ts PORT`: a TCP server that sends back every byte, for many connections; writes a line of JSON once it does. */
import { createServer } from 'node:net'

/** The kernel takes no more than net.core.somaxconn. */
const BACKLOG = 4_096

const [port = ''] = process.argv.slice(2)
const server = createServer((socket) => {
  socket.on('data', (chunk) => socket.write(chunk))
  // The client reset the connection; the server goes on for the others.
  socket.on('error', () => socket.destroy())
})
server.listen({ port: Number(port), backlog: BACKLOG }, () => process.stdout.write('{"listening":true}\n'))
