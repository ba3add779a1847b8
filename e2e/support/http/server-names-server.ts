/**
 * A TLS server that takes any client and tells it `{pod, servername, alpnProtocol}`, a line of JSON.
 *
 *     server-names-server.ts PORT KEY CERTIFICATE NAME NODE
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'
import { announce } from '../announce.ts'

const [port = '', key = '', certificate = '', pod = ''] = process.argv.slice(2)
const server = createServer(
  { key: readFileSync(key), cert: readFileSync(certificate), ALPNProtocols: ['scenario/2', 'scenario/1'] },
  (socket) => {
    // The client went away; the server goes on for the others.
    socket.on('error', () => socket.destroy())
    const { servername, alpnProtocol } = socket
    socket.end(`${JSON.stringify({ pod, servername, alpnProtocol })}\n`)
  },
)
server.on('tlsClientError', () => {})
server.listen(Number(port), () => announce(Number(port)))
