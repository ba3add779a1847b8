import type { ListenerAddress } from '@edgeway/core'
import { DnsListenError } from '../errors.ts'
import type { DnsMetrics } from '../metrics.ts'
import type { Responder } from '../responder.ts'
import type { RateLimit } from './rate-limit.ts'
import { TcpListener, type TcpListenerOptions } from './tcp/tcp-listener.ts'
import type { UdpEngine, UdpListener } from './udp/udp-listener.ts'

/** Of a free port for UDP and TCP in all families alike: the one found for the first may be taken for another. */
const FREE_PORT_ATTEMPTS = 5

export interface ListenersOptions extends TcpListenerOptions {
  /** The same everywhere; 0 picks a free one. */
  readonly listenPort: number
}

export interface ListenersDeps {
  readonly nodeAddress: string
  /** `undefined` where the node has no IPv6. */
  readonly nodeAddress6: string | undefined
  readonly responder: Pick<Responder, 'respond' | 'truncate'>
  /** Of answers to each client over UDP. */
  readonly limit: Pick<RateLimit, 'take'>
  readonly udpEngine: UdpEngine
  readonly metrics: Pick<DnsMetrics, 'responder' | 'tcpConnections' | 'refusedTcpConnection'>
  onFatal(error: Error): void
}

/** Where the responder is asked: UDP and TCP at each of the node's addresses, at one port. */
export class Listeners {
  /** Of the node's IPv4 address. */
  readonly address: ListenerAddress
  /** All of them, that one first. */
  readonly addresses: readonly ListenerAddress[]
  readonly #tcp: TcpListener
  readonly #udp: readonly UdpListener[]

  private constructor(addresses: readonly [ListenerAddress, ...ListenerAddress[]], sockets: Sockets) {
    this.address = addresses[0]
    this.addresses = addresses
    this.#tcp = sockets.tcp
    this.#udp = sockets.udp
  }

  /** @throws {DnsListenError} when an address can't be bound; nothing listens then */
  static async start(options: ListenersOptions, deps: ListenersDeps): Promise<Listeners> {
    for (let attempt = 1; ; attempt++) {
      const sockets: Sockets = { tcp: new TcpListener(options, deps), udp: [] }
      try {
        return await Listeners.#listen(options.listenPort, sockets, deps)
      } catch (error) {
        close(sockets)
        if (options.listenPort !== 0 || attempt === FREE_PORT_ATTEMPTS) throw error
      }
    }
  }

  static async #listen(wanted: number, sockets: Sockets, deps: ListenersDeps): Promise<Listeners> {
    const { nodeAddress, nodeAddress6 } = deps
    const port = await bind({ ip: nodeAddress, port: wanted }, sockets, deps)
    const address = { ip: nodeAddress, port }
    if (nodeAddress6 === undefined) return new Listeners([address], sockets)
    const address6 = { ip: nodeAddress6, port }
    await bind(address6, sockets, deps)
    return new Listeners([address, address6], sockets)
  }

  /** Takes no more queries; resolves when those in work are answered. */
  async drain(): Promise<void> {
    await Promise.all([this.#tcp.drain(), ...this.#udp.map((udp) => udp.drain())])
  }

  /** Ends the connections that are open, answered or not. */
  closeConnections(): void {
    this.#tcp.close()
  }

  close(): void {
    close({ tcp: this.#tcp, udp: this.#udp })
  }
}

interface Sockets {
  readonly tcp: TcpListener
  readonly udp: UdpListener[]
}

/** @returns the port, which the kernel has chosen for 0 */
async function bind({ ip, port: wanted }: ListenerAddress, sockets: Sockets, deps: ListenersDeps) {
  const { responder, limit, metrics, udpEngine, onFatal } = deps
  try {
    const port = await sockets.tcp.listen(ip, wanted)
    sockets.udp.push(
      await udpEngine.listen(ip, port, { responder, limit, metrics: metrics.responder, onFatal }),
    )
    return port
  } catch (error) {
    throw new DnsListenError(ip, wanted, { cause: error })
  }
}

function close({ tcp, udp }: { readonly tcp: TcpListener; readonly udp: readonly UdpListener[] }): void {
  tcp.close()
  for (const one of udp) one.close()
}
