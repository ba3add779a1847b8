import { ipBytes, mappedBytes } from './ip-bytes.ts'

/** One end of a connection: an address as text, of either family, and a port. */
export interface ProxiedAddress {
  readonly ip: string
  readonly port: number
}

/** Who called, and what was called; `undefined` where that is not known. */
export interface ProxiedConnection {
  readonly source: ProxiedAddress | undefined
  readonly destination: ProxiedAddress | undefined
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
/** Version 2 in the high four bits. */
const LOCAL = 0x20
const PROXY = 0x21
const UNSPEC = 0x00
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21

/**
 * The header of the PROXY protocol, version 2, that goes before the first byte of a TCP connection to an endpoint (2.2 of
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). Two ends of different families are both told as IPv6, the
 * IPv4 one IPv4-mapped. Where an end is not known, or is no address, the command is LOCAL: the endpoint then goes by the
 * connection itself.
 *
 * It must go out by one write: servers such as nginx close connections whose header comes in pieces.
 *
 * @returns a new buffer of 16, 28 or 52 bytes
 */
export function proxyHeaderV2({ source, destination }: ProxiedConnection): Buffer {
  const from = source && ipBytes(source.ip)
  const to = destination && ipBytes(destination.ip)
  if (source === undefined || from === undefined) return header(LOCAL, UNSPEC, [])
  if (destination === undefined || to === undefined) return header(LOCAL, UNSPEC, [])
  const ports = portBytes(source.port, destination.port)
  if (from.length === 4 && to.length === 4) return header(PROXY, TCP_OVER_IPV4, [from, to, ports])
  return header(PROXY, TCP_OVER_IPV6, [mappedBytes(from), mappedBytes(to), ports])
}

function header(command: number, family: number, addresses: readonly Buffer[]): Buffer {
  const length = addresses.reduce((sum, bytes) => sum + bytes.length, 0)
  const start = Buffer.from([command, family, length >> 8, length & 0xff])
  return Buffer.concat([SIGNATURE, start, ...addresses])
}

function portBytes(source: number, destination: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16BE(source, 0)
  bytes.writeUInt16BE(destination, 2)
  return bytes
}
