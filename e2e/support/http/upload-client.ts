/**
 * Uploads `streamBytes`, seed 1, in chunks to an `origin.ts` that reads nothing at first. Waits until no more is taken, lets the
 * origin read, and writes `{whileHeldBack, sent, answer}`: how many bytes had been taken until then, their SHA-256 all together,
 * and the origin's answer.
 *
 *     upload-client.ts HOST PORT BYTES
 */
import { once } from 'node:events'
import { type ClientRequest, get, type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { conclude } from '../announce.ts'
import { sha256, streamBytes } from '../protocols/stream-bytes.ts'

const CHUNK_BYTES = 65_536
const POLL_MS = 100
/** For so many polls nothing moves: it is held back. */
const QUIET_POLLS = 10

const [host = '', port = '', bytes = ''] = process.argv.slice(2)
const content = streamBytes(Number(bytes), 1)
let taken = 0

async function send(upload: ClientRequest): Promise<void> {
  for (let from = 0; from < content.length; from += CHUNK_BYTES) {
    const chunk = content.subarray(from, from + CHUNK_BYTES)
    // Called when the kernel has it.
    await new Promise((resolve) => upload.write(chunk, resolve))
    taken += chunk.length
  }
  upload.end()
}

async function settled(): Promise<number> {
  let value = 0
  for (let quiet = 0; quiet < QUIET_POLLS; quiet++) {
    if (taken === 0 || taken !== value) quiet = 0
    value = taken
    await delay(POLL_MS)
  }
  return value
}

const upload = request({ host, port, path: '/held', method: 'POST' })
const answered = once(upload, 'response') as Promise<[IncomingMessage]>
const sent = send(upload)
const whileHeldBack = await settled()
const [released] = (await once(get({ host, port, path: '/release' }), 'response')) as [IncomingMessage]
released.resume()
await sent
const [response] = await answered
conclude({ whileHeldBack, sent: sha256(content), answer: await json(response) })
