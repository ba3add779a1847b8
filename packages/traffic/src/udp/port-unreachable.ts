import { IP_FAMILIES, type IpFamily, ipFamilyOf, type ListenerAddress, type Logger } from '@edgeway/core'
import { type Libc, loadLibc } from '../kernel/libc.ts'
import type { NodeAddresses } from '../listen/interceptor.ts'
import { RateLimit } from '../rate-limit.ts'
import { openRawIcmp, type RawIcmpSocket } from './raw-icmp-socket.ts'
import { portUnreachable } from './unreachable-packet.ts'

/** `limited`: enough were sent in this second. */
export type UnreachableResult = 'sent' | 'limited' | 'failed'

/** Tells clients that nothing answers, as the kernel tells them of a port that nobody listens on. */
export interface PortUnreachable extends Disposable {
  /**
   * @param client - whose datagram it was, as the listener saw it
   * @param listener - where that datagram arrived: connection tracking turns it into what the client called
   */
  send(client: ListenerAddress, listener: ListenerAddress): UnreachableResult
}

/** As many as the kernel itself sends by default (net.ipv4.icmp_msgs_per_sec). */
const MAX_PER_SECOND = 1_000

/** By raw sockets on the node's own addresses. Where the kernel refuses these, clients find out by waiting. */
export async function startPortUnreachable(
  addresses: NodeAddresses,
  { logger, now }: { readonly logger: Logger; now(): number },
): Promise<PortUnreachable> {
  const libc = await loadLibc()
  const sockets = new Map<IpFamily, RawIcmpSocket>()
  for (const family of IP_FAMILIES) {
    const ip = addresses[family]
    if (ip === undefined) continue
    const socket = libc && tryOpen(libc, family, ip)
    if (socket !== undefined) sockets.set(family, socket)
    else logger.warn('UDP clients are not told when nothing answers: no raw socket for ICMP', { family })
  }
  return new RateLimitedUnreachable(sockets, now)
}

function tryOpen(libc: Libc, family: IpFamily, ip: string): RawIcmpSocket | undefined {
  try {
    return openRawIcmp(libc, family, ip)
  } catch {
    // A libc without one of the functions.
    return undefined
  }
}

class RateLimitedUnreachable implements PortUnreachable {
  readonly #sockets: ReadonlyMap<IpFamily, RawIcmpSocket>
  readonly #limit = new RateLimit({ max: MAX_PER_SECOND, periodMs: 1_000 })
  readonly #now: () => number

  constructor(sockets: ReadonlyMap<IpFamily, RawIcmpSocket>, now: () => number) {
    this.#sockets = sockets
    this.#now = now
  }

  send(client: ListenerAddress, listener: ListenerAddress): UnreachableResult {
    const socket = this.#sockets.get(ipFamilyOf(client.ip))
    if (socket === undefined) return 'failed'
    if (this.#limit.take(this.#now()) === undefined) return 'limited'
    return socket.send(portUnreachable(client, listener), client.ip) ? 'sent' : 'failed'
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets.values()) socket[Symbol.dispose]()
  }
}
