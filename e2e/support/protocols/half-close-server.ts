/**
 * A server that knows a request's end by the client's end of stream, as a bulk load of a database does. The first byte says
 * who ends first:
 *
 * - `c`: reads until the client has ended, then answers with the checksum of all that came, a line, and 1 MiB of
 *   `streamBytes`, seed 2
 * - `s`: sends 1 MiB of them and ends at once, then reads on until the client has ended, and writes the checksum of all that
 *   came to standard output
 *
 *     half-close-server.ts PORT
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { announce } from '../announce.ts'
import { sha256, streamBytes } from './stream-bytes.ts'

const ANSWER = streamBytes(1_048_576, 2)
const port = Number(process.argv[2])

async function serve(socket: Socket): Promise<void> {
  await once(socket, 'readable')
  const first = socket.read(1) as Buffer
  const isServerFirst = first.toString() === 's'
  if (isServerFirst) socket.end(ANSWER)
  const all = sha256(await buffer(socket))
  if (isServerFirst) process.stdout.write(`received ${all}\n`)
  else socket.end(Buffer.concat([Buffer.from(`${all}\n`), ANSWER]))
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  // The client went away; the server goes on for the others.
  serve(socket).catch(() => socket.destroy())
})
server.listen(port, () => announce(port))
