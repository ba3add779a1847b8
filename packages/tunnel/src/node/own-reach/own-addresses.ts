import type { Multiaddr } from '@multiformats/multiaddr'
import { isPublic, parseHostPort, parsePeerAddress } from '../../addresses.ts'
import { MAX_ADDRESSES } from '../../records/peer-record.ts'
import type { OwnReach } from './own-record.ts'

/**
 * Where others may dial this node. What was configured is meant for everybody; of its interfaces' addresses the public ones
 * are, the private ones mean something on its own LAN only.
 *
 * @param listening - what libp2p listens on, wildcards resolved to the interfaces' addresses
 * @param ofPods - IP addresses of this host that lead no other node here; see `podNetworkAddresses`
 * @param mapped - multiaddrs that a router maps to this node; see `PortMapping`
 */
export function ownAddresses(
  listening: ReadonlySet<string>,
  {
    announced,
    ofPods,
    mapped = [],
  }: {
    readonly announced: 'auto' | readonly string[]
    readonly ofPods: ReadonlySet<string>
    readonly mapped?: readonly string[]
  },
): Pick<OwnReach, 'lan' | 'direct'> {
  if (announced !== 'auto') {
    const direct = announced.map((text) => parseHostPort(text).toString())
    return { lan: [], direct: direct.slice(0, MAX_ADDRESSES) }
  }
  const addresses = [...listening]
    .map(parsePeerAddress)
    .filter((address) => address !== undefined)
    .filter((address) => !isLinkLocal(address) && !ofPods.has(hostOf(address)))
  const others = addresses.filter((address) => !isLoopback(address))
  // A process that listens on loopback only means it.
  const usable = others.length > 0 ? others : addresses
  const texts = (wanted: boolean): string[] =>
    usable
      .filter((address) => isPublic(address) === wanted)
      .map(String)
      .slice(0, MAX_ADDRESSES)
  return { lan: texts(false), direct: [...mapped, ...texts(true)].slice(0, MAX_ADDRESSES) }
}

function isLoopback(address: Multiaddr): boolean {
  const host = hostOf(address)
  return host.startsWith('127.') || host === '::1'
}

/** The device of the agent itself has such an address, the same on every node. @see RFC 3927 and RFC 4291, section 2.5.6 */
function isLinkLocal(address: Multiaddr): boolean {
  const host = hostOf(address)
  return host.startsWith('169.254.') || /^fe[89ab]/i.test(host)
}

function hostOf(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? ''
}
