import { BlockList, isIP } from 'node:net'
import type { IpFamily } from '@edgeway/core'
import { AddressRangeError } from '../errors.ts'
import { canonicalIp } from '../mappers/ip-address.ts'

const BITS = { IPv4: 32, IPv6: 128 } as const
/** Larger ones overlap with somebody's. */
const MIN_PREFIX = 8
/** Smaller ones hold nobody. */
const MAX_PREFIX = { IPv4: 30, IPv6: 126 } as const
/** As many as a hash of 32 bits can mean. */
const MAX_SIZE = 2 ** 32
/** The first one stands for the network, or any router in it; the last one of IPv4 may be a broadcast. */
const SET_APART = 2

/** What no pod can call as one host: "this" network, loopback, link-local and multicast. */
const UNCALLABLE = {
  IPv4: ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4'],
  IPv6: ['::/8', 'fe80::/10', 'ff00::/8'],
} as const

interface Block {
  readonly first: bigint
  readonly prefix: number
}

/** A range of addresses of one family, each with its number from 0 on. */
export class AddressRange {
  readonly text: string
  readonly family: IpFamily
  /** How many addresses there are to give. */
  readonly size: number
  readonly #first: bigint
  readonly #block = new BlockList()

  private constructor(text: string, family: IpFamily, { first, prefix }: Block) {
    this.text = text
    this.family = family
    this.#first = first + 1n
    this.size = Math.min(2 ** (BITS[family] - prefix), MAX_SIZE) - SET_APART
    this.#block.addSubnet(textOf(first, family), prefix, blockType(family))
  }

  /** @throws {AddressRangeError} with what was expected */
  static parse(text: string, family: IpFamily): AddressRange {
    const block = readBlock(text, family)
    if (block === undefined || isUncallable(block, family)) throw new AddressRangeError(text, family)
    return new AddressRange(text, family, block)
  }

  /** @param number - below `size` */
  addressAt(number: number): string {
    return textOf(this.#first + BigInt(number), this.family)
  }

  /** @returns `undefined` for an address that is not to be given */
  numberOf(ip: string): number | undefined {
    if (!this.contains(ip)) return undefined
    const number = Number(numberIn(ip, this.family) - this.#first)
    return number >= 0 && number < this.size ? number : undefined
  }

  /** @param ip - of any family */
  contains(ip: string): boolean {
    // Most that are asked for are of the other family: BlockList costs more.
    if (ip.includes(':') !== (this.family === 'IPv6')) return false
    return isIP(ip) !== 0 && this.#block.check(ip, blockType(this.family))
  }
}

/** Whether virtual addresses can be from there, or are not wanted (`off`). */
export function isVirtualRange(text: string, family: IpFamily): boolean {
  if (text === 'off') return true
  const block = readBlock(text, family)
  return block !== undefined && !isUncallable(block, family)
}

/** @returns `undefined` for what is no range, of another size or family, or begins within one */
function readBlock(text: string, family: IpFamily): Block | undefined {
  const [, ip = '', digits = ''] = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(text) ?? []
  const prefix = Number(digits)
  if (isIP(ip) !== (family === 'IPv4' ? 4 : 6)) return undefined
  if (prefix < MIN_PREFIX || prefix > MAX_PREFIX[family]) return undefined
  const first = numberIn(ip, family)
  return first === networkOf(first, prefix, family) ? { first, prefix } : undefined
}

function isUncallable(block: Block, family: IpFamily): boolean {
  return UNCALLABLE[family].some((text) => {
    const [ip = '', digits = ''] = text.split('/')
    const other = { first: numberIn(ip, family), prefix: Number(digits) }
    // Of two blocks one is within the other, or they are apart.
    const prefix = Math.min(block.prefix, other.prefix)
    return networkOf(block.first, prefix, family) === networkOf(other.first, prefix, family)
  })
}

function networkOf(value: bigint, prefix: number, family: IpFamily): bigint {
  const hostBits = BigInt(BITS[family] - prefix)
  return (value >> hostBits) << hostBits
}

function blockType(family: IpFamily): 'ipv4' | 'ipv6' {
  return family === 'IPv4' ? 'ipv4' : 'ipv6'
}

function numberIn(ip: string, family: IpFamily): bigint {
  if (family === 'IPv4') return ip.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)
  const [left = [], right = []] = canonicalIp(ip, '')
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''))
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}

function textOf(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  const digits = value.toString(16).padStart(BITS.IPv6 / 4, '0')
  return canonicalIp(digits.replace(/(.{4})(?!$)/g, '$1:'), '')
}
