/** Addresses of sockets as the kernel writes them: struct sockaddr_in and sockaddr_in6, little-endian machines. */
import { isIPv6, SocketAddress as NodeSocketAddress } from 'node:net'
import { encodeRecord } from '../../message.ts'
import { putUint16, uint16 } from '../../wire/uint.ts'

/** AF_INET and AF_INET6 of Linux. */
export const FAMILY = { IPV4: 2, IPV6: 10 } as const

/** Of a sockaddr_in6, the longer one. */
export const SOCKET_ADDRESS_BYTES = 28
const SOCKET_ADDRESS_BYTES_4 = 16

const SOCKET_ADDRESS_WORDS = SOCKET_ADDRESS_BYTES / 4

/** Where the address begins in a sockaddr_in6; before it are family, port and flow. */
const ADDRESS6_OFFSET = 8
const ADDRESS4_OFFSET = 4

/** A socket's address within memory that is used again. */
export interface SocketAddress {
  readonly words: Uint32Array
  /** In words. */
  readonly offset: number
}

/** The family's number in a system call. */
export function familyOf(ip: string): number {
  return isIPv6(ip) ? FAMILY.IPV6 : FAMILY.IPV4
}

/** @param ip - without a zone */
export function encodeSocketAddress(ip: string, port: number): Buffer {
  const isLong = isIPv6(ip)
  const address = Buffer.alloc(isLong ? SOCKET_ADDRESS_BYTES : SOCKET_ADDRESS_BYTES_4)
  address.writeUInt16LE(familyOf(ip))
  putUint16(address, port, 2)
  // The data of a record is the address in network byte order, and its last bytes.
  const record = encodeRecord({ ttlSeconds: 0, record: { type: isLong ? 'AAAA' : 'A', data: ip } })
  if (isLong) record.copy(address, ADDRESS6_OFFSET, record.length - 16)
  else record.copy(address, ADDRESS4_OFFSET, record.length - 4)
  return address
}

/** The port of an address that the kernel has written. */
export function portIn(address: Buffer): number {
  return uint16(address, 2)
}

/** How long the address is. HOT PATH, as the others below. */
export function bytesOf({ words, offset }: SocketAddress): number {
  return ((words[offset] ?? 0) & 0xffff) === FAMILY.IPV6 ? SOCKET_ADDRESS_BYTES : SOCKET_ADDRESS_BYTES_4
}

/** Nothing can be sent to port 0. */
export function hasPort({ words, offset }: SocketAddress): boolean {
  return (words[offset] ?? 0) >>> 16 !== 0
}

/** Writes the address to `offset` of `words`. */
export function copySocketAddress(from: SocketAddress, { words, offset }: SocketAddress): void {
  for (let word = 0; word < SOCKET_ADDRESS_WORDS; word++)
    words[offset + word] = from.words[from.offset + word] ?? 0
}

/** The address, to be kept. */
export function keptSocketAddress(address: SocketAddress): SocketAddress {
  const kept = { words: new Uint32Array(SOCKET_ADDRESS_WORDS), offset: 0 }
  copySocketAddress(address, kept)
  return kept
}

/** The IP address as Node's own sockets tell it, without a zone. Slow. */
export function ipText({ words, offset }: SocketAddress): string {
  const bytes = new DataView(words.buffer, words.byteOffset + offset * 4, SOCKET_ADDRESS_BYTES)
  if (bytesOf({ words, offset }) === SOCKET_ADDRESS_BYTES_4)
    return [0, 1, 2, 3].map((index) => bytes.getUint8(ADDRESS4_OFFSET + index)).join('.')
  const groups = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => bytes.getUint16(ADDRESS6_OFFSET + 2 * index))
  const address = groups.map((group) => group.toString(16)).join(':')
  return new NodeSocketAddress({ address, family: 'ipv6' }).address
}
