/**
 * Talks to a `web-socket-talk-server.ts`; writes a `WebSocketTalk`.
 *
 *     web-socket-talk-client.ts HOST PORT
 */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { conclude } from '../announce.ts'
import { sha256, streamBytes } from '../protocols/stream-bytes.ts'
import type { WebSocketOrder, WebSocketTalk } from './web-socket-order.ts'

type Close = WebSocketTalk['closes'][number]

const FRAGMENTS = 20
const FRAGMENT_BYTES = 10_000
const CLOSED_BY_CLIENT = 4_001
const CLOSED_BY_SERVER = 4_002

const [host = '', port = ''] = process.argv.slice(2)

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${host}:${port}/talk`, ['first', 'second'])
  await once(socket, 'open')
  return socket
}

async function ask(socket: WebSocket, order: WebSocketOrder): Promise<string> {
  const answered = once(socket, 'message') as Promise<[Buffer]>
  socket.send(JSON.stringify(order))
  const [answer] = await answered
  return answer.toString()
}

async function ping(socket: WebSocket, payload: string): Promise<string> {
  const answered = once(socket, 'pong') as Promise<[Buffer]>
  socket.ping(payload)
  const [answer] = await answered
  return answer.toString()
}

async function sendFragments(socket: WebSocket): Promise<WebSocketTalk['fragments']> {
  const message = streamBytes(FRAGMENTS * FRAGMENT_BYTES, 3)
  const answered = once(socket, 'message') as Promise<[Buffer]>
  let pong = ''
  for (let number = 0; number < FRAGMENTS; number++) {
    const from = number * FRAGMENT_BYTES
    const isLast = number === FRAGMENTS - 1
    socket.send(message.subarray(from, from + FRAGMENT_BYTES), { binary: true, fin: isLast })
    if (number === FRAGMENTS / 2) pong = await ping(socket, 'between fragments')
  }
  const [seen] = await answered
  return { sent: sha256(message), seen: seen.toString(), pong }
}

async function closed(socket: WebSocket, order: WebSocketOrder): Promise<Close> {
  const ended = once(socket, 'close') as Promise<[number, Buffer]>
  socket.send(JSON.stringify(order))
  const [code, reason] = await ended
  return { code, reason: reason.toString() }
}

/** Asks, each in turn: servers hear of closes in no certain order, and maybe after the client. */
const MOST_QUESTIONS = 1_000

/** @returns what the server makes of the client's close; `undefined` where it never hears of it */
async function closeSeen(socket: WebSocket, by: WebSocket): Promise<Close | undefined> {
  const ended = once(socket, 'close')
  socket.close(CLOSED_BY_CLIENT, 'the client has enough')
  await ended
  for (let question = 0; question < MOST_QUESTIONS; question++) {
    const closes = JSON.parse(await ask(by, { closes: true })) as Close[]
    const seen = closes.find(({ code }) => code !== CLOSED_BY_SERVER)
    if (seen !== undefined) return seen
  }
  return undefined
}

const [first, second, third] = [await open(), await open(), await open()]
const { protocol, extensions } = first
const pongs = [await ping(first, 'to the server'), await ask(first, { ping: 'to the client' })]
const fragments = await sendFragments(first)
const closes = [
  await closed(third, { close: CLOSED_BY_SERVER, reason: 'the server has enough' }),
  await closeSeen(second, first),
  await closed(first, { terminate: true }),
].filter((close) => close !== undefined)
conclude({ protocol, extensions, pongs, fragments, closes } satisfies WebSocketTalk)
