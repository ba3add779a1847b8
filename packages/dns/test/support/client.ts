import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIPv6, type Socket } from 'node:net'
import { encodeFrame, FrameReader } from '../../src/listen/tcp/tcp-frames.ts'

interface Address {
  readonly ip: string
  readonly port: number
  /** The client's own; any unless told. */
  readonly from?: string
}

/** Sends datagrams from one socket and resolves with the first `count` that come back, in the order of their ids. */
export async function askUdp(
  { ip, port, from }: Address,
  messages: readonly Buffer[],
  count = messages.length,
) {
  const socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4')
  if (from !== undefined) socket.bind(0, from)
  const answers: Buffer[] = []
  const enough = Promise.withResolvers<void>()
  socket.on('message', (answer) => {
    answers.push(answer)
    if (answers.length >= count) enough.resolve()
  })
  try {
    for (const message of messages) socket.send(message, port, ip)
    await enough.promise
    return answers.sort((one, other) => one.readUInt16BE(0) - other.readUInt16BE(0))
  } finally {
    socket.close()
  }
}

/** The answer to one query over UDP. */
export async function askOneUdp(address: Address, message: Buffer): Promise<Buffer> {
  const [answer = Buffer.alloc(0)] = await askUdp(address, [message])
  return answer
}

/** A TCP client that says what it is told, and keeps the messages that come back. */
export class TcpClient implements AsyncDisposable {
  readonly socket: Socket
  readonly answers: Buffer[] = []
  /** Resolves when the server closed the connection, in whatever way. */
  readonly closed: Promise<unknown>
  readonly #reader = new FrameReader(65_535)
  readonly #waiters = new Set<() => void>()

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {
      // A reset is one of the ways to be closed.
    })
    socket.on('data', (chunk: Buffer) => {
      this.answers.push(...(this.#reader.push(chunk) ?? []))
      for (const waiter of this.#waiters) waiter()
    })
  }

  static async connect({ ip, port }: Address): Promise<TcpClient> {
    const socket = connect({ host: ip, port, noDelay: true })
    await once(socket, 'connect')
    return new TcpClient(socket)
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages.map(encodeFrame)))
  }

  /** The first `count` answers, once they are there. */
  async received(count: number): Promise<readonly Buffer[]> {
    const enough = Promise.withResolvers<void>()
    const check = (): void => {
      if (this.answers.length >= count) enough.resolve()
    }
    this.#waiters.add(check)
    check()
    await enough.promise
    this.#waiters.delete(check)
    return this.answers.slice(0, count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed
  }
}

/** The answer to one query over a TCP connection of its own. */
export async function askOneTcp(address: Address, message: Buffer): Promise<Buffer> {
  await using client = await TcpClient.connect(address)
  client.send(message)
  const [answer = Buffer.alloc(0)] = await client.received(1)
  return answer
}
