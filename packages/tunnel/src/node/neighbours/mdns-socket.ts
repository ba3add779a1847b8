import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { LanLink } from './lan-links.ts'

/** @see RFC 6762 section 3 */
export const MDNS_PORT = 5_353
const MDNS_GROUP = '224.0.0.251'
/** RFC 6762 section 11. */
const TTL = 255

export interface MdnsSocketEvents {
  message(bytes: Buffer, from: RemoteInfo): void
  /** The socket is of no use any more. */
  failed(error: Error): void
}

/**
 * One UDP socket for multicast DNS on several LANs. It is bound to the group's address: other responders of this host can have
 * port 5353, too, and get what is sent to this host alone.
 */
export class MdnsSocket implements AsyncDisposable {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** @throws {Error} when the port can't be had, or none of the LANs */
  static async open(links: readonly LanLink[], events: MdnsSocketEvents): Promise<MdnsSocket> {
    const socket = createSocket({
      ...{ type: 'udp4', reuseAddr: true },
      // There are no names here; without a pause, the interface of a packet is the one that was set just before.
      lookup: (address, _options, done) => done(null, address, 4),
    })
    try {
      const listening = once(socket, 'listening')
      socket.bind({ port: MDNS_PORT, address: MDNS_GROUP })
      await listening
      socket.setMulticastTTL(TTL)
      socket.setTTL(TTL)
      join(socket, links)
    } catch (error) {
      socket.close()
      throw error
    }
    socket.on('message', events.message)
    socket.on('error', events.failed)
    return new MdnsSocket(socket)
  }

  /** To all hosts of a LAN. Like every datagram it may be lost: nothing is said about that. */
  multicast({ address }: Pick<LanLink, 'address'>, bytes: Buffer): void {
    try {
      this.#socket.setMulticastInterface(address)
      this.#socket.send(bytes, MDNS_PORT, MDNS_GROUP, ignore)
    } catch {
      // The address is gone, which is noticed by other means.
    }
  }

  unicast({ address, port }: Pick<RemoteInfo, 'address' | 'port'>, bytes: Buffer): void {
    try {
      this.#socket.send(bytes, port, address, ignore)
    } catch {
      // As above.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.removeAllListeners('message')
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.close(() => resolve())
    await promise
  }
}

function ignore(): void {}

/** @throws {Error} when no LAN can be joined */
function join(socket: Socket, links: readonly LanLink[]): void {
  const errors = links.flatMap(({ address }) => {
    try {
      socket.addMembership(MDNS_GROUP, address)
      return []
    } catch (error) {
      // Two addresses of one interface.
      return error instanceof Error && error.message.includes('EADDRINUSE') ? [] : [error]
    }
  })
  if (errors.length > 0 && errors.length === links.length)
    throw new AggregateError(errors, 'no LAN can be joined')
}
