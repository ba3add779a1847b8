import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Endpoint, ListenerAddress, NodeName } from '@edgeway/core'
import { endpointAt } from '@edgeway/testbed'
import { eventually } from './eventually.ts'

/** The node that endpoints are on unless something else is said. */
export const NODE = 'edge-1' as NodeName

/** A UDP socket that keeps what it gets. */
export class Talker implements AsyncDisposable {
  readonly socket: Socket
  readonly heard: Buffer[] = []
  /** By which address and port it was heard. */
  readonly from: ListenerAddress[] = []
  readonly errors: (string | undefined)[] = []
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('message', (datagram, { address: ip, port }) => {
      this.heard.push(datagram)
      this.from.push({ ip, port })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => void this.errors.push(error.code))
  }

  static async bind(ip = '127.0.0.1'): Promise<Talker> {
    const socket = createSocket({ type: ip.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
    socket.bind(0, ip)
    await once(socket, 'listening')
    return new Talker(socket)
  }

  get address(): ListenerAddress {
    const { address: ip, port } = this.socket.address()
    return { ip, port }
  }

  /** From then on it is told when nobody listens there. */
  async connect({ ip, port }: ListenerAddress): Promise<void> {
    const connected = once(this.socket, 'connect')
    this.socket.connect(port, ip)
    await connected
  }

  send(datagram: string | Buffer, { ip, port }: ListenerAddress): void {
    this.socket.send(datagram, port, ip)
  }

  /** What it has heard as text, once there is so much. */
  async hears(count: number): Promise<string[]> {
    return await eventually(() => (this.heard.length >= count ? this.heard.map(String) : undefined))
  }

  forget(): void {
    this.heard.length = 0
    this.from.length = 0
  }

  /** Sends and waits for one more datagram. */
  async ask(question: string | Buffer, to: ListenerAddress): Promise<Buffer> {
    const next = once(this.socket, 'message')
    this.send(question, to)
    const [answer] = await next
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const closed = once(this.socket, 'close')
    this.socket.close()
    await closed
  }
}

/** A UDP server on loopback and the Endpoint that a directory would list. */
export class UdpEndpoint implements AsyncDisposable {
  readonly talker: Talker
  readonly endpoint: Endpoint

  private constructor(talker: Talker) {
    this.talker = talker
    this.endpoint = udpEndpointAt(talker.address)
  }

  /** @param answer - what it says to each datagram; nothing unless given */
  static async start(answer?: (datagram: Buffer) => string | Buffer, ip?: string): Promise<UdpEndpoint> {
    const talker = await Talker.bind(ip)
    if (answer !== undefined)
      talker.socket.on('message', (datagram, { address: ip, port }) =>
        talker.send(answer(datagram), { ip, port }),
      )
    return new UdpEndpoint(talker)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.talker[Symbol.asyncDispose]()
  }
}

export const echo = (datagram: Buffer): Buffer => datagram

export function udpEndpointAt({ ip, port }: ListenerAddress, node: NodeName = NODE): Endpoint {
  return endpointAt({ node, ip, port, protocol: 'UDP' })
}

/** On a node that only the tunnel reaches. */
export function farEndpoint(port: number): Endpoint {
  return udpEndpointAt({ ip: '10.1.0.1', port }, 'edge-2' as NodeName)
}

/** Where nobody listens. */
export async function closedEndpoint(ip?: string): Promise<Endpoint> {
  await using gone = await Talker.bind(ip)
  return udpEndpointAt(gone.address)
}
