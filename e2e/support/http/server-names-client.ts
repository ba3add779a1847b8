/**
 * Connects to a `server-names-server.ts` once for each server name; writes what it was told, `[{pod, servername, alpnProtocol}]`.
 *
 *     server-names-client.ts HOST PORT NAME…
 */
import { json } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { conclude } from '../announce.ts'

const [host = '', port = '', ...names] = process.argv.slice(2)
const answers: unknown[] = []
for (const servername of names) {
  const ALPNProtocols = ['scenario/0', 'scenario/1', 'scenario/2']
  // Whose certificate it is was seen elsewhere; all servers have the same.
  const socket = connect({ host, port: Number(port), servername, ALPNProtocols, rejectUnauthorized: false })
  answers.push(await json(socket))
}
conclude(answers)
