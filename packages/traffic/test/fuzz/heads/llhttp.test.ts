import { once } from 'node:events'
import { createServer, type IncomingMessage, METHODS, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { isProblem } from '../../../src/http/message/head-problem.ts'
import { outgoingRequest } from '../../../src/http/message/outgoing-request.ts'
import { parseRequestHead, type RequestHead } from '../../../src/http/message/request-head.ts'
import { REQUESTS } from './corpus.ts'
import { mutated } from './mutations.ts'
import { SeededRandom } from './random.ts'

const HEADS = 2_000
const AT_ONCE = 20
const MAX_BODY = 100
const OPTIONS = { extraLines: '', keepsUpgrade: false, defaultHost: 'default.shop' }
/** After each request: where the server sees it, the one before ended where we say. */
const NEXT = 'GET /next HTTP/1.1\r\nHost: web.shop\r\nConnection: close\r\n\r\n'
const SEEN_NEXT = 'GET /next'

/** A server of Node, which tells on each connection what requests it saw. */
class Origin {
  readonly #server: Server

  constructor() {
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      request.resume().on('end', () => response.end(`${request.method} ${request.url}\n`))
    }
    this.#server = createServer({ keepAlive: true }, answer)
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** @returns everything that the server answered before it closed the connection */
  async answers(bytes: string): Promise<string> {
    const socket: Socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (data) => {
      text += data
    })
    socket.write(bytes, 'latin1')
    await once(socket, 'close')
    return text
  }

  [Symbol.dispose](): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

function bodyOf({ framing }: RequestHead): string {
  if (framing.kind === 'chunked') return '3\r\nabc\r\n0\r\n\r\n'
  return framing.kind === 'length' ? 'x'.repeat(framing.bytes) : ''
}

/**
 * Known differences, in which Node is narrower or its own: methods that llhttp has no name for; lengths that would take long to
 * send.
 */
function isComparable({ method, framing }: RequestHead): boolean {
  return METHODS.includes(method) && (framing.kind !== 'length' || framing.bytes <= MAX_BODY)
}

function acceptedHeads(): readonly RequestHead[] {
  const random = new SeededRandom()
  const heads: RequestHead[] = []
  for (let number = 0; heads.length < HEADS; number++) {
    random.seed(number)
    const head = parseRequestHead(
      number < REQUESTS.length ? (REQUESTS[number] ?? '') : mutated(REQUESTS, random),
    )
    if (!isProblem(head) && isComparable(head)) heads.push(head)
  }
  return heads
}

/** What the server saw of each request, by its answers, and of the next one. */
async function seen(origin: Origin, head: RequestHead): Promise<readonly string[]> {
  const outgoing = outgoingRequest(head, OPTIONS)
  if (typeof outgoing !== 'string') throw new Error(outgoing.problem)
  const answers = await origin.answers(`${outgoing}${bodyOf(head)}${NEXT}`)
  return [...answers.matchAll(/^HTTP\/1\.1 [^1].*$|^[A-Z-]+ \/.*$|^[A-Z-]+ \*$/gm)].map(([line]) => line)
}

it('passes on what llhttp reads as the same request, and sees the next one after it', async () => {
  using origin = new Origin()
  await origin.start()
  const heads = acceptedHeads()
  for (let from = 0; from < heads.length; from += AT_ONCE) {
    await Promise.all(
      heads.slice(from, from + AT_ONCE).map(async (head) => {
        const request = head.method === 'HEAD' ? [] : [`${head.method} ${head.path}`]
        const wanted = ['HTTP/1.1 200 OK', ...request, 'HTTP/1.1 200 OK', SEEN_NEXT]

        expect(await seen(origin, head), JSON.stringify(head.text)).toEqual(wanted)
      }),
    )
  }
}, 60_000)
