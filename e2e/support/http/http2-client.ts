/**
 * Many requests at once on one HTTP/2 connection to an `http2-origin.ts`, each with a body and a trailer of its own, while a flood is
 * not read; then it reads the flood. Writes a `Http2Result`.
 *
 *     http2-client.ts HOST PORT COUNT FLOOD_BYTES
 */
import { once } from 'node:events'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import { buffer, json } from 'node:stream/consumers'
import { conclude } from '../announce.ts'
import { sha256, streamBytes } from '../protocols/stream-bytes.ts'
import type { Http2Result } from './http2-result.ts'

const [host = '', port = '', count = '', floodBytes = ''] = process.argv.slice(2)
const session = connect(`http://${host}:${port}`)

/** @returns who answered; `undefined` where the answer is not the one to this request */
async function ask(number: number): Promise<string | undefined> {
  const path = `/request/${number}`
  const content = streamBytes(number * 100, number)
  const stream = session.request({ ':method': 'POST', ':path': path }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-number': String(number) }))
  let trailers: IncomingHttpHeaders = {}
  stream.on('trailers', (got: IncomingHttpHeaders) => {
    trailers = got
  })
  const answer = json(stream) as Promise<{ pod: string; path: string; sha256: string }>
  stream.end(content)
  const got = await answer
  const isRight =
    got.path === path &&
    got.sha256 === sha256(content) &&
    trailers['x-sha256'] === got.sha256 &&
    trailers['x-number'] === String(number)
  return isRight ? got.pod : undefined
}

const flood = session.request({ ':path': `/flood?n=${floodBytes}` })
await once(flood, 'response')
const pods: Record<string, number> = {}
let wrong = 0
await Promise.all(
  Array.from({ length: Number(count) }, async (_, number) => {
    const pod = await ask(number)
    if (pod === undefined) wrong += 1
    else pods[pod] = (pods[pod] ?? 0) + 1
  }),
)
conclude({ pods, wrong, flood: sha256(await buffer(flood)) } satisfies Http2Result)
