import type { Socket } from 'node:net'
import { HttpOrigin } from '../http-origin.ts'
import { contentOf, type Random, turns } from './random.ts'

interface Asked {
  readonly name: string
  readonly bytes: number
}

const BEHAVIOURS = [
  ...Array.from({ length: 8 }, () => 'answers' as const),
  'chunked',
  'interim',
  'early',
  'slow',
  'until-close',
  'closes after',
  'says close',
  'too much',
  'resets',
  'ends',
  'half a head',
  'half a body',
  'unavailable',
  'silent',
] as const

/** A server that checks each byte it is sent, and mostly answers. */
export class ChaosOrigin implements AsyncDisposable {
  /** What was no request, or no body of its request. */
  readonly violations: string[] = []
  isKind = false
  readonly #random: Random
  #origin: HttpOrigin | undefined

  private constructor(random: Random) {
    this.#random = random
  }

  static async start(random: Random): Promise<ChaosOrigin> {
    const chaos = new ChaosOrigin(random)
    chaos.#origin = await HttpOrigin.raw((socket) => void chaos.#serve(socket))
    return chaos
  }

  get endpoint(): HttpOrigin['endpoint'] {
    if (this.#origin === undefined) throw new Error('the origin was not started')
    return this.#origin.endpoint
  }

  async #serve(socket: Socket): Promise<void> {
    const input = new Input(socket)
    while (await this.#serveOne(socket, input));
    socket.end()
  }

  /** @returns whether there may be another request */
  async #serveOne(socket: Socket, input: Input): Promise<boolean> {
    const head = await input.until('\r\n\r\n')
    const asked = head === undefined ? undefined : this.#read(head)
    if (head === undefined || asked === undefined) return false
    const how = this.isKind ? 'answers' : this.#random.oneOf(BEHAVIOURS)
    if (how === 'early') await this.#answer(socket, asked, how)
    if (!(await this.#takeBody(input, head, asked))) return false
    if (how !== 'early') await this.#answer(socket, asked, how)
    return true
  }

  #read(head: string): Asked | undefined {
    const [, name, bytes] = /^(?:GET|PUT|POST) \/(c\d+r\d+)\/(\d+) HTTP\/1\.1\r\n/.exec(head) ?? []
    if (name !== undefined) return { name, bytes: Number(bytes) }
    this.violations.push(`no request: ${JSON.stringify(head.slice(0, 200))}`)
    return undefined
  }

  async #takeBody(input: Input, head: string, { name }: Asked): Promise<boolean> {
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]
    if (length !== undefined) return this.#check(await input.bytes(Number(length)), name, Number(length))
    if (!/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return true
    let body = ''
    for (;;) {
      const line = await input.until('\r\n')
      if (line === undefined) return false
      const size = Number.parseInt(line, 16)
      const chunk = await input.bytes(size + 2)
      if (chunk === undefined) return false
      if (size === 0) return this.#check(body, name, body.length)
      body += chunk.slice(0, size)
    }
  }

  #check(body: string | undefined, name: string, length: number): boolean {
    if (body === undefined) return false
    if (body !== contentOf(name, length)) this.violations.push(`no body of ${name}`)
    return true
  }

  async #answer(socket: Socket, { name, bytes }: Asked, how: (typeof BEHAVIOURS)[number]): Promise<void> {
    const body = contentOf(name, bytes)
    const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${body}`
    if (how === 'resets') socket.resetAndDestroy()
    else if (how === 'half a body') socket.write(whole.slice(0, -1), () => socket.resetAndDestroy())
    else if (how === 'slow') await slowly(socket, parts(whole, this.#random))
    else {
      socket.write(textOf(how, { whole, body, random: this.#random }), 'latin1')
      if (ENDING.has(how)) socket.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#origin?.[Symbol.asyncDispose]()
  }
}

const ENDING: ReadonlySet<string> = new Set(['until-close', 'closes after', 'ends', 'half a head'])

interface Answer {
  readonly whole: string
  readonly body: string
  readonly random: Random
}

function textOf(how: (typeof BEHAVIOURS)[number], { whole, body, random }: Answer): string {
  switch (how) {
    case 'chunked':
      return chunked(body, random)
    case 'interim':
      return `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${whole}`
    case 'until-close':
      return `HTTP/1.1 200 OK\r\n\r\n${body}`
    case 'says close':
      return whole.replace('OK\r\n', 'OK\r\nConnection: close\r\n')
    case 'too much':
      return `${whole}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`
    case 'half a head':
      return whole.slice(0, 20)
    case 'unavailable':
      return 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nagain'
    case 'ends':
    case 'silent':
      return ''
    default:
      return whole
  }
}

async function slowly(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece, 'latin1')
    await turns(2)
  }
}

function chunked(body: string, random: Random): string {
  const chunks = parts(body, random).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`
}

/** Ten at most. */
export function parts(text: string, random: Random): string[] {
  const found: string[] = []
  let at = 0
  while (at < text.length) {
    const end = found.length === 9 ? text.length : at + 1 + random.below(text.length - at)
    found.push(text.slice(at, end))
    at = end
  }
  return found
}

/** What comes by a socket, in pieces of which the size is known or the end. */
class Input {
  readonly #socket: Socket
  #received = ''

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** With the end; `undefined` where the connection ends before. */
  async until(end: string): Promise<string | undefined> {
    let index = this.#received.indexOf(end)
    while (index === -1) {
      if (!(await this.#more())) return undefined
      index = this.#received.indexOf(end)
    }
    return this.#take(index + end.length)
  }

  async bytes(count: number): Promise<string | undefined> {
    while (this.#received.length < count) if (!(await this.#more())) return undefined
    return this.#take(count)
  }

  #take(count: number): string {
    const taken = this.#received.slice(0, count)
    this.#received = this.#received.slice(count)
    return taken
  }

  async #more(): Promise<boolean> {
    const socket = this.#socket
    for (;;) {
      const bytes: unknown = socket.read()
      if (bytes instanceof Buffer) {
        this.#received += bytes.toString('latin1')
        return true
      }
      if (socket.readableEnded || socket.destroyed) return false
      await new Promise<void>((resolve) => {
        const go = (): void => {
          for (const event of ['readable', 'end', 'close']) socket.off(event, go)
          resolve()
        }
        for (const event of ['readable', 'end', 'close']) socket.on(event, go)
      })
    }
  }
}
