/**
 * Connects to a `tls-server.ts` and writes whom it met and what the server says of the client; `{error}` when either did
 * not take the other.
 *
 *     tls-client.ts HOST PORT CA [KEY CERTIFICATE]
 */
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { conclude } from '../announce.ts'

const [host = '', port = '', ca = '', key, certificate] = process.argv.slice(2)
const own =
  key === undefined || certificate === undefined
    ? {}
    : { key: readFileSync(key), cert: readFileSync(certificate) }
const socket = connect({
  host,
  port: Number(port),
  servername: host,
  ca: readFileSync(ca),
  ALPNProtocols: ['scenario/1'],
  ...own,
})
try {
  const answer = text(socket)
  const server = new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket.getPeerCertificate().subject.CN))
  })
  const seen = JSON.parse(await answer)
  conclude({ server: await server, seen })
} catch (error) {
  conclude({ error: error instanceof Error && 'code' in error ? error.code : String(error) })
}
