import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Addresses for documentation (RFC 5737, RFC 3849): whatever way the default route goes, they go there. */
const ANYWHERE = { udp4: '192.0.2.1', udp6: '2001:db8::1' } as const

/**
 * The node's present address in place of a stored one: the stored one itself while the node has it, else the one that
 * the node calls others with.
 *
 * @returns a function that gives the stored address back where the node has no default route, or its addresses can't
 *   be read
 */
export async function presentHostIp(interfaces = networkInterfaces): Promise<(stored: string) => string> {
  const own = ownAddresses(interfaces)
  if (own === undefined) return (stored) => stored
  const [ip4, ip6] = await Promise.all([sourceAddress('udp4'), sourceAddress('udp6')])
  return (stored) => (own.has(stored) ? stored : ((isIPv6(stored) ? ip6 : ip4) ?? stored))
}

function ownAddresses(interfaces: typeof networkInterfaces): ReadonlySet<string> | undefined {
  try {
    const all = Object.values(interfaces())
    return new Set(all.flatMap((addresses = []) => addresses.map(({ address }) => address)))
  } catch {
    // Takes a descriptor, of which there may be none left.
    return undefined
  }
}

/** A connected UDP socket has the address that the kernel would send from; nothing is sent. */
async function sourceAddress(type: keyof typeof ANYWHERE): Promise<string | undefined> {
  const socket = createSocket(type)
  try {
    // Port 9 discards (RFC 863), should anything ever be sent.
    socket.connect(9, ANYWHERE[type])
    await once(socket, 'connect')
    return socket.address().address
  } catch {
    // No route, or no such family: there is no such address.
    return undefined
  } finally {
    socket.close()
  }
}
