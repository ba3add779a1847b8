/**
 * Takes server-sent events of an `origin.ts`, which sends the next one only after the one before was acknowledged: whoever
 * holds one back holds all of them. Writes their numbers in the order in which they came.
 *
 *     events-client.ts HOST PORT COUNT
 */
import { once } from 'node:events'
import { get, type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { conclude } from '../announce.ts'

const [host = '', port = '', count = ''] = process.argv.slice(2)

async function acknowledge(): Promise<void> {
  const sent = request({ host, port, path: '/events/ack', method: 'POST' }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
}

const [response] = (await once(get({ host, port, path: `/events?count=${count}` }), 'response')) as [
  IncomingMessage,
]
const numbers: number[] = []
for await (const line of createInterface({ input: response })) {
  const [, number] = /^data: \{"number":(\d+)\}$/.exec(line) ?? []
  if (number === undefined) continue
  numbers.push(Number(number))
  await acknowledge()
}
conclude(numbers)
