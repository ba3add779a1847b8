import type { Socket } from 'node:net'
import { resetSocket } from '../../../src/kernel/reset-socket.ts'
import { parts } from './chaos-origin.ts'
import { contentOf, type Random, turns } from './random.ts'

interface Wish {
  readonly name: string
  readonly bytes: number
  readonly text: string
}

const LEAVES = ['at the end', 'at the end', 'by reset', 'half way', 'in a request'] as const

/** Sends some requests by one connection, well or badly, and checks each byte that comes back. */
export async function chaosClient(socket: Socket, number: number, random: Random): Promise<string[]> {
  const count = 1 + random.below(6)
  const wishes = Array.from({ length: count }, (_, index) => wishOf(`c${number}r${index}`, random))
  const all = wishes.map(({ text }) => text).join('')
  const patience = 200 + random.below(400)
  const leaves = random.oneOf(LEAVES)
  let received = ''
  socket.setEncoding('latin1').on('data', (text) => (received += text))
  const closed = happens(socket, 'close')
  const reading = pausing(socket, random)
  await send(socket, leaves === 'in a request' ? all.slice(0, random.below(all.length)) : all, {
    patience,
    random,
  })
  if (leaves === 'half way' || leaves === 'in a request') socket.end()
  for (let turn = 0; turn < patience && !socket.destroyed && !socket.readableEnded; turn++) await turns(1)
  await reading
  if (leaves === 'by reset' || leaves === 'in a request') resetSocket(socket)
  else socket.destroy()
  await closed
  return violationsIn(received, wishes)
}

async function send(
  socket: Socket,
  text: string,
  { patience, random }: { readonly patience: number; readonly random: Random },
): Promise<void> {
  for (const part of parts(text, random)) {
    if (!socket.destroyed && !socket.write(part, 'latin1'))
      await Promise.race([happens(socket, 'drain'), turns(patience)])
    await turns(random.below(3))
  }
}

function wishOf(name: string, random: Random): Wish {
  const bytes = random.size()
  const method = random.oneOf(['GET', 'GET', 'PUT', 'POST'] as const)
  const start = `${method} /${name}/${bytes} HTTP/1.1\r\nHost: a\r\n`
  if (method === 'GET') return { name, bytes, text: `${start}\r\n` }
  const body = contentOf(name, random.size())
  if (random.below(2) === 0)
    return { name, bytes, text: `${start}Content-Length: ${body.length}\r\n\r\n${body}` }
  const chunks = parts(body, random).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
  return { name, bytes, text: `${start}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n` }
}

async function pausing(socket: Socket, random: Random): Promise<void> {
  for (let pauses = random.below(4); pauses > 0; pauses--) {
    socket.pause()
    await turns(random.below(100))
    socket.resume()
    await turns(random.below(10))
  }
}

/** Whatever came must be the beginning of the responses to those requests, in order. */
function violationsIn(received: string, wishes: readonly Wish[]): string[] {
  let rest = received
  for (const wish of wishes) {
    rest = withoutInterim(rest)
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return []
    const head = rest.slice(0, end + 4)
    const { taken, body } = contentIn(head, rest.slice(end + 4))
    if (!isAnswerTo(wish, head, body)) return [`${wish.name}: ${JSON.stringify((head + body).slice(0, 300))}`]
    rest = rest.slice(end + 4 + taken)
  }
  return rest === '' ? [] : [`more than was asked for: ${JSON.stringify(rest.slice(0, 200))}`]
}

function withoutInterim(received: string): string {
  let rest = received
  while (/^HTTP\/1\.1 1\d\d /.test(rest) && rest.includes('\r\n\r\n'))
    rest = rest.slice(rest.indexOf('\r\n\r\n') + 4)
  return rest
}

function isAnswerTo({ name, bytes }: Wish, head: string, body: string): boolean {
  if (head.startsWith('HTTP/1.1 200 ')) return contentOf(name, bytes).startsWith(body)
  return /^HTTP\/1\.1 50[234] /.test(head)
}

interface Content {
  readonly taken: number
  readonly body: string
}

function contentIn(head: string, rest: string): Content {
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]
  const body = rest.slice(0, length === undefined ? rest.length : Number(length))
  return /\r\ntransfer-encoding: chunked\r\n/i.test(head) ? chunkedIn(rest) : { taken: body.length, body }
}

/** What has no size makes a body that is nobody's. */
function chunkedIn(rest: string): Content {
  let body = ''
  let at = 0
  let size = -1
  while (size !== 0 && at < rest.length) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd === -1) break
    size = Number.parseInt(rest.slice(at, lineEnd), 16)
    body += rest.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
  return { taken: size === 0 ? Math.min(at, rest.length) : rest.length, body }
}

/** Whatever errors come before. */
function happens(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => void socket.once(event, () => resolve()))
}
