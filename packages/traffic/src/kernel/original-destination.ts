import type { Socket } from 'node:net'
import type { IpFamily } from '@edgeway/core'
import type { SocketOption, SocketOptions } from './socket-options.ts'

export interface Destination {
  readonly ip: string
  readonly port: number
}

/**
 * Reads where a redirected connection was going to, before NAT; `undefined` when the kernel knows nothing of it.
 *
 * @param family - of the listener that has accepted it
 */
export type ReadOriginalDestination = (socket: Socket, family: IpFamily) => Destination | undefined

/** SO_ORIGINAL_DST: linux/in.h, linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h */
const IPV4_ORIGINAL_DESTINATION: SocketOption = { level: 0, name: 80 }
const IPV6_ORIGINAL_DESTINATION: SocketOption = { level: 41, name: 80 }
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28
/** Offsets in sockaddr_in and sockaddr_in6; the port is at the same place in both. */
const PORT_OFFSET = 2
const IPV4_OFFSET = 4
const IPV6_OFFSET = 8

export function originalDestinationReader(options: Pick<SocketOptions, 'get'>): ReadOriginalDestination {
  return (socket, family) => (family === 'IPv6' ? readIpv6(options, socket) : readIpv4(options, socket))
}

function readIpv4(options: Pick<SocketOptions, 'get'>, socket: Socket): Destination | undefined {
  const value = options.get(socket, IPV4_ORIGINAL_DESTINATION, SOCKADDR_IN_BYTES)
  if (value === undefined) return undefined
  const byte = (index: number): number => value.readUInt8(IPV4_OFFSET + index)
  const ip = `${byte(0)}.${byte(1)}.${byte(2)}.${byte(3)}`
  return { ip, port: value.readUInt16BE(PORT_OFFSET) }
}

function readIpv6(options: Pick<SocketOptions, 'get'>, socket: Socket): Destination | undefined {
  const value = options.get(socket, IPV6_ORIGINAL_DESTINATION, SOCKADDR_IN6_BYTES)
  if (value === undefined) return undefined
  return { ip: ipv6Of(value), port: value.readUInt16BE(PORT_OFFSET) }
}

/** Canonical text (RFC 5952), as the directory has it. */
function ipv6Of(value: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => value.readUInt16BE(IPV6_OFFSET + 2 * i).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
