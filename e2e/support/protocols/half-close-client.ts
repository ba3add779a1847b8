/**
 * Talks to a `half-close-server.ts`. Writes the checksums of what it sent and of what came back.
 *
 *     half-close-client.ts HOST PORT c|s BYTES
 *
 * `c`: sends all and ends, then reads. `s`: reads until the server has ended, and only then sends.
 */
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { conclude } from '../announce.ts'
import { sha256, streamBytes } from './stream-bytes.ts'

const [host = '', port = '', mode = '', bytes = ''] = process.argv.slice(2)
const message = streamBytes(Number(bytes), 1)
const socket = connect({ host, port: Number(port), allowHalfOpen: true })

socket.write(mode)
const answer = buffer(socket)
if (mode === 'c') socket.end(message)
const received = await answer
if (mode === 's') await new Promise<void>((resolve) => socket.end(message, resolve))
conclude({ sent: sha256(message), received: received.toString('latin1', 0, 64), checksum: sha256(received) })
