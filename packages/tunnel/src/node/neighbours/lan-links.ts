import { BlockList } from 'node:net'
import { isPublic, toMultiaddr } from '../../addresses.ts'
import { type Interfaces, isOfPods } from '../own-reach/interfaces.ts'

/** An IPv4 address of this host on a LAN. */
export interface LanLink {
  readonly device: string
  readonly address: string
  /** In CIDR notation. */
  readonly subnet: string
  /** The port that this node listens at there. */
  readonly port: number
  /** Whether the address is of this LAN. */
  has(address: string): boolean
}

const MAX_LINKS = 16

/**
 * Where this node has neighbours: private IPv4 addresses of interfaces that are none of pods, at which it listens. A public
 * address is told to everybody anyway. IPv6 is left out: mDNS packets come from link-local addresses there, which no multiaddr of a
 * peer can have.
 *
 * @param listening - multiaddrs
 */
export function lanLinks(interfaces: Interfaces, listening: ReadonlySet<string>): LanLink[] {
  const ports = new Map([...listening].map((text) => [text.slice(0, text.lastIndexOf('/')), text]))
  const links = Object.entries(interfaces).flatMap(([device, infos]) =>
    isOfPods(device)
      ? []
      : (infos ?? []).flatMap(({ family, internal, address, cidr }) => {
          const port = portOf(ports.get(`/ip4/${address}/tcp`))
          const isLan = family === 'IPv4' && !internal && cidr !== null && !cidr.endsWith('/32')
          if (!isLan || port === undefined || isPublic(toMultiaddr(address, port))) return []
          return [linkOf({ device, address, subnet: cidr, port })]
        }),
  )
  return links.slice(0, MAX_LINKS)
}

/** The LAN that a packet came from; `undefined` where its sender is on none (RFC 6762 section 11). */
export function linkTo(links: readonly LanLink[], address: string): LanLink | undefined {
  return links.find((link) => link.has(address))
}

/** Text that is another one when anything of the links is. */
export function formatLinks(links: readonly LanLink[]): string {
  return links.map(({ device, subnet, port }) => `${device} ${subnet}:${port}`).join()
}

function portOf(multiaddr: string | undefined): number | undefined {
  return multiaddr === undefined ? undefined : Number(multiaddr.slice(multiaddr.lastIndexOf('/') + 1))
}

function linkOf(link: Omit<LanLink, 'has'>): LanLink {
  const [ip = '', bits] = link.subnet.split('/')
  const list = new BlockList()
  list.addSubnet(ip, Number(bits))
  return { ...link, has: (address) => list.check(address) }
}
