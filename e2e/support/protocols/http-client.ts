/**
 * Many HTTP requests on one connection to an `http-echo`; writes which paths were answered, in that order, and by which
 * addresses the server was called.
 *
 *     http-client.ts keep-alive|pipelining HOST PORT COUNT
 *
 * `keep-alive`: each request after the answer to the one before. `pipelining`: all requests at once.
 */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { json, text } from 'node:stream/consumers'
import { conclude } from '../announce.ts'

interface Answer {
  readonly path: string
  readonly client: string
}

const [mode = '', host = '', port = '', count = ''] = process.argv.slice(2)
const paths = Array.from({ length: Number(count) }, (_, index) => `/${index}`)

async function keepAlive(): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const answers: Answer[] = []
  for (const path of paths) {
    const request = get({ host, port, path, agent })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    answers.push((await json(response)) as Answer)
  }
  return answers
}

async function pipelining(): Promise<Answer[]> {
  const socket = connect({ host, port: Number(port) })
  const requests = paths.map((path, index) => {
    const last = index === paths.length - 1 ? 'connection: close\r\n' : ''
    return `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${last}\r\n`
  })
  socket.write(requests.join(''))
  // Bodies are lines of JSON; heads and chunk sizes are not.
  const lines = (await text(socket)).split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => JSON.parse(line) as Answer)
}

const answers = await (mode === 'keep-alive' ? keepAlive() : pipelining())
conclude({
  paths: answers.map(({ path }) => path),
  clients: [...new Set(answers.map(({ client }) => client))],
})
