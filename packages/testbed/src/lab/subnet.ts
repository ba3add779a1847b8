import { isIPv4 } from 'node:net'
import { LabError } from './errors.ts'

/** An IPv4 network. */
export interface Subnet {
  /** The network address as an unsigned 32-bit number. */
  readonly base: number
  readonly prefix: number
}

/** @throws {LabError} unless `text` is a network in CIDR form, without host bits, of /8 to /30 */
export function parseSubnet(text: string): Subnet {
  const [address = '', length = ''] = text.split('/')
  const prefix = Number(length)
  if (!isIPv4(address) || !Number.isInteger(prefix) || prefix < 8 || prefix > 30)
    throw new LabError(`not an IPv4 subnet of /8 to /30: ${text}`)
  const base = toNumber(address)
  if (base % sizeOf(prefix) !== 0) throw new LabError(`subnet ${text} has host bits`)
  return { base, prefix }
}

/** The network of an address with prefix length, e.g. of `10.1.0.11/24`. */
export function subnetOf(cidr: string): Subnet {
  const [address = '', length = ''] = cidr.split('/')
  const size = sizeOf(Number(length))
  return parseSubnet(`${toText(Math.floor(toNumber(address) / size) * size)}/${length}`)
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${toText(base)}/${prefix}`
}

/**
 * The host address at that position, counted from the network address.
 *
 * @throws {LabError} when the subnet has no such host
 */
export function hostAt(subnet: Subnet, position: number): string {
  if (position < 1 || position >= sizeOf(subnet.prefix) - 1)
    throw new LabError(`subnet ${formatSubnet(subnet)} has no host ${position}`)
  return toText(subnet.base + position)
}

/** True for a host address of that subnet. */
export function hasHost({ base, prefix }: Subnet, address: string): boolean {
  if (!isIPv4(address)) return false
  const position = toNumber(address) - base
  return position >= 1 && position < sizeOf(prefix) - 1
}

/** True when at least one address is in both. */
export function overlap(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + sizeOf(b.prefix) && b.base < a.base + sizeOf(a.prefix)
}

/** A locally administered MAC address made of the IP address: whoever takes the address over takes the MAC too. */
export function macOf(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))
  return ['0a', '58', ...octets].join(':')
}

function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix)
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}
