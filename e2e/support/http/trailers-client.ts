/**
 * Sends a chunked request with a trailer to an `origin.ts` and writes `{sent, got, trailers}`: the body's SHA-256, the trailers as
 * the origin got them, and those of its response.
 *
 *     trailers-client.ts HOST PORT BYTES
 */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { conclude } from '../announce.ts'
import { sha256, streamBytes } from '../protocols/stream-bytes.ts'

const [host = '', port = '', bytes = ''] = process.argv.slice(2)
const content = streamBytes(Number(bytes), 1)
const headers = { te: 'trailers', connection: 'te', trailer: 'x-checked' }
const sent = request({ host, port, path: '/trailers', method: 'POST', headers })
const answered = once(sent, 'response') as Promise<[IncomingMessage]>
sent.write(content.subarray(0, content.length / 2))
sent.write(content.subarray(content.length / 2))
sent.addTrailers({ 'x-checked': 'yes' })
sent.end()
const [response] = await answered
const got = await json(response)
conclude({ sent: sha256(content), got, trailers: response.trailers })
