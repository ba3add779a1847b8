/**
 * A TLS server that takes only clients with a certificate of its authority, and tells each its CN.
 *
 *     tls-server.ts PORT CA KEY CERTIFICATE
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'
import { announce } from '../announce.ts'

const [port = '', ca = '', key = '', certificate = ''] = process.argv.slice(2)
const server = createServer(
  {
    ca: readFileSync(ca),
    key: readFileSync(key),
    cert: readFileSync(certificate),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['scenario/1'],
  },
  (socket) => {
    // The client went away; the server goes on for the others.
    socket.on('error', () => socket.destroy())
    const { servername, alpnProtocol } = socket
    socket.end(
      `${JSON.stringify({ client: socket.getPeerCertificate().subject.CN, servername, alpnProtocol })}\n`,
    )
  },
)
// Without a certificate: the client is told by an alert.
server.on('tlsClientError', () => {})
server.listen(Number(port), () => announce(Number(port)))
