import { BlockList, isIP, isIPv6 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { AddressError } from './errors.ts'

const HOST_NAMES = ['ip4', 'ip6', 'dns', 'dns4', 'dns6']
const MAX_ADDRESS_LENGTH = 300
const HOST_PORT_FORMS = 'host:port, ip:port or [ipv6]:port'
const SERVER_FORMS = 'host:port, ws://host[:port] or wss://host[:port], IPv6 in brackets'

/**
 * Where a configured `host:port` is reached by TCP. IPv6 is written in brackets.
 *
 * @throws {AddressError} when the text is of another form
 */
export function parseHostPort(text: string): Multiaddr {
  const place = splitHostPort(text)
  if (place?.port === undefined) throw new AddressError(text, HOST_PORT_FORMS)
  return toMultiaddr(place.host, place.port)
}

/**
 * Where a tunnel server is reached: `host:port` by TCP, `ws://host[:port]` and `wss://host[:port]` by WebSocket, at ports
 * 80 and 443 unless others are named.
 *
 * @throws {AddressError} when the text is of another form
 */
export function parseServerAddress(text: string): Multiaddr {
  const [, scheme, rest = text] = /^(wss?):\/\/(.*?)\/?$/.exec(text) ?? []
  const place = splitHostPort(rest)
  if (place === undefined || (scheme === undefined && place.port === undefined)) {
    throw new AddressError(text, SERVER_FORMS)
  }
  if (scheme === undefined) return toMultiaddr(place.host, place.port ?? 0)
  const isSecure = scheme === 'wss'
  const address = toMultiaddr(place.host, place.port ?? (isSecure ? 443 : 80))
  return multiaddr(`${address}${isSecure ? '/tls/ws' : '/ws'}`)
}

/** `undefined` for anything but a host with, or without, a port. */
function splitHostPort(text: string): { host: string; port?: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]/\s@?#]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || (bracketed !== undefined && !isIPv6(bracketed))) return undefined
  if (digits === undefined) return { host }
  const port = Number(digits)
  return port > 65_535 ? undefined : { host, port }
}

export function toMultiaddr(host: string, port: number): Multiaddr {
  const kind = { 4: 'ip4', 6: 'ip6' }[isIP(host)] ?? 'dns'
  return multiaddr(`/${kind}/${host}/tcp/${port}`)
}

/** True for host, TCP port and WebSocket, with or without TLS and PeerId; false for a circuit through one. */
export function isWebSocketAddress(address: Multiaddr): boolean {
  const [host, ...names] = namesOf(address)
  return HOST_NAMES.includes(host ?? '') && /^tcp( tls)? ws( p2p)?$/.test(names.join(' '))
}

/** The URL that a WebSocket address stands for. */
export function webSocketUrl(address: Multiaddr): string {
  const [host, port] = address.getComponents()
  const scheme = namesOf(address).includes('tls') ? 'wss' : 'ws'
  return `${scheme}://${host?.name === 'ip6' ? `[${host.value}]` : host?.value}:${port?.value}`
}

function namesOf(address: Multiaddr): string[] {
  return address.getComponents().map(({ name }) => name)
}

/**
 * An address as peers tell it: host and TCP port, with or without WebSocket, nothing else; `undefined` for any other text.
 */
export function parsePeerAddress(text: string): Multiaddr | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined
  try {
    const address = multiaddr(text)
    const [host, ...names] = namesOf(address)
    const isKnown = HOST_NAMES.includes(host ?? '') && /^tcp(( tls)? ws)?$/.test(names.join(' '))
    return isKnown ? address : undefined
  } catch {
    // Not a multiaddr at all: written by a peer, so nothing to raise here.
    return undefined
  }
}

/** Host and port of an address that libp2p listens on, without the PeerId; `undefined` where it is no TCP address. */
export function withoutPeerId(address: Multiaddr): string | undefined {
  const text = address.toString().replace(/\/p2p\/[^/]+$/, '')
  return parsePeerAddress(text) === undefined ? undefined : text
}

/**
 * True for addresses that mean the same host everywhere. Private ones don't: sites share their subnets, so dialling
 * one may reach a stranger. Names count as public.
 */
export function isPublic(address: Multiaddr): boolean {
  const [host] = address.getComponents()
  if (host?.value === undefined) return false
  if (host.name === 'ip4') return !SPECIAL_IPV4.check(host.value, 'ipv4')
  if (host.name === 'ip6') return !SPECIAL_IPV6.check(host.value, 'ipv6')
  return true
}

/**
 * A list for each family: in a common one, every IPv4 address would be found in `::ffff:0:0/96`.
 *
 * @see RFC 6890 and the IANA special-purpose address registries
 */
const SPECIAL_IPV4 = blockListOf(
  ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ['192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ['224.0.0.0/4', '240.0.0.0/4'],
)
const SPECIAL_IPV6 = blockListOf(
  ['::ffff:0:0/96', '100::/64', '2001:db8::/32', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
  // What holds an IPv4 address, which may be a private one: compatible, NAT64, Teredo and 6to4.
  ['::/96', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/32', '2002::/16'],
)

function blockListOf(...subnets: readonly (readonly string[])[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets.flat()) {
    const [ip = '', bits] = subnet.split('/')
    list.addSubnet(ip, Number(bits), isIPv6(ip) ? 'ipv6' : 'ipv4')
  }
  return list
}
