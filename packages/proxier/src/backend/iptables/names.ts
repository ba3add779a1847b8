import { createHash } from 'node:crypto'
import { type IpFamily, type ListenerAddress, PROTOCOLS, type Protocol } from '@edgeway/core'
import { formatMatch, type Match } from '../../model/rule.ts'
import type { IptablesFlavour } from './flavour.ts'

/** Every chain and set of ours has a name that begins so, and nobody else's has. */
export const OUR_PREFIX = 'EDGEWAY-'

/** The chains that are always there. */
export const CHAINS = {
  output: 'EDGEWAY-OUTPUT',
  services: 'EDGEWAY-SERVICES',
  listeners: 'EDGEWAY-LISTENERS',
  kernel: 'EDGEWAY-KERNEL',
  nodePorts: 'EDGEWAY-NODEPORTS',
  nodePortListeners: 'EDGEWAY-NODEPORT-LISTENERS',
  nodePortKernel: 'EDGEWAY-NODEPORT-KERNEL',
  postrouting: 'EDGEWAY-POSTROUTING',
  masquerade: 'EDGEWAY-MASQUERADE',
  rejects: 'EDGEWAY-REJECTS',
  rejectsOutput: 'EDGEWAY-REJECTS-OUTPUT',
} as const

/** Rules that can only be tried one after the other are spread over so many chains, by the last bits of an address. */
export const BUCKETS = 16

export type IpSetType = 'hash:ip,port' | 'hash:ip,port,ip' | 'bitmap:port' | 'hash:ip'

/** A set of the kernel, as it is created. `hash:ip` holds clients, with a timeout; the kernel itself fills it. */
export interface IpSet {
  readonly name: string
  readonly type: IpSetType
  readonly family: IpFamily
}

/** The fixed sets of a family. */
export interface FixedSets {
  readonly reject: IpSet
  readonly kernel: IpSet
  /** Endpoints on this node, each as client and server. */
  readonly hairpin: IpSet
  /** Endpoints of which some connections are masqueraded. */
  readonly masquerade: IpSet
  readonly nodePortReject: Readonly<Record<Protocol, IpSet>>
  readonly nodePortKernel: Readonly<Record<Protocol, IpSet>>
}

/** Both flavours may be in the kernel at once, a chain of one keeping its sets from being destroyed by the other. */
export function setPrefix(flavour: IptablesFlavour): string {
  return flavour === 'nft' ? `${OUR_PREFIX}NFT` : `${OUR_PREFIX}LGC`
}

/** Names of sets are shorter than 32 bytes. */
export class SetNames {
  readonly fixed: Readonly<Record<IpFamily, FixedSets>>
  readonly #prefix: string

  /** @param prefix - 11 bytes at most */
  constructor(prefix: string) {
    this.#prefix = prefix
    this.fixed = { IPv4: this.#fixedSets('IPv4'), IPv6: this.#fixedSets('IPv6') }
  }

  /** The matches of one listener. */
  listener(match: Match, family: IpFamily, listener: ListenerAddress): IpSet {
    const id = hash(`${listener.ip} ${listener.port} ${match.protocol}`, 12)
    if (match.kind === 'address') return this.#set('hash:ip,port', family, `L-${id}`)
    return this.#set('bitmap:port', family, `NP-L-${id}`)
  }

  /** The clients that a slot of a match has. */
  affinity(match: Match, family: IpFamily, endpoint: string): IpSet {
    return this.#set('hash:ip', family, `A-${hash(`${formatMatch(match)} ${endpoint}`, 16)}`)
  }

  #fixedSets(family: IpFamily): FixedSets {
    const perProtocol = (name: string): Readonly<Record<Protocol, IpSet>> => {
      const of = (protocol: Protocol): IpSet => this.#set('bitmap:port', family, `NP-${name}-${protocol}`)
      return { TCP: of('TCP'), UDP: of('UDP') }
    }
    return {
      reject: this.#set('hash:ip,port', family, 'REJECT'),
      kernel: this.#set('hash:ip,port', family, 'KERNEL'),
      hairpin: this.#set('hash:ip,port,ip', family, 'HAIRPIN'),
      masquerade: this.#set('hash:ip,port', family, 'MASQUERADE'),
      nodePortReject: perProtocol('REJECT'),
      nodePortKernel: perProtocol('KERNEL'),
    }
  }

  #set(type: IpSetType, family: IpFamily, name: string): IpSet {
    return { name: `${this.#prefix}${family === 'IPv4' ? 4 : 6}-${name}`, type, family }
  }
}

export function allFixedSets(sets: FixedSets): readonly IpSet[] {
  const { reject, kernel, hairpin, masquerade, nodePortReject, nodePortKernel } = sets
  const ports = PROTOCOLS.flatMap((protocol) => [nodePortReject[protocol], nodePortKernel[protocol]])
  return [reject, kernel, hairpin, masquerade, ...ports]
}

/** The chain that chooses among the slots of a match. Names of chains are shorter than 29 bytes. */
export function kernelChain(match: Match): string {
  return `${OUR_PREFIX}K-${hash(formatMatch(match), 16)}`
}

/** The chain that remembers a client and sends it to the slot. */
export function slotChain(match: Match, endpoint: string): string {
  return `${OUR_PREFIX}S-${hash(`${formatMatch(match)} ${endpoint}`, 16)}`
}

export function bucketChain(chain: string, bucket: number): string {
  return `${chain}-${bucket}`
}

/** @returns the value of the last bits of an address */
export function bucketOf(ip: string): number {
  const last = ip.slice(Math.max(ip.lastIndexOf(':'), ip.lastIndexOf('.')) + 1)
  const value = Number.parseInt(last || '0', ip.includes('.') ? 10 : 16)
  return value % BUCKETS
}

/** What `-d` takes to find the addresses of a bucket. */
export function bucketMask(family: IpFamily, bucket: number): string {
  return lastBits(family, bucket, BUCKETS)
}

/**
 * What `-s` and `-d` take to find addresses by their last bits.
 *
 * @param size - a power of two, 256 at most: one more than the greatest value
 */
export function lastBits(family: IpFamily, value: number, size: number): string {
  if (family === 'IPv4') return `0.0.0.${value}/0.0.0.${size - 1}`
  return `::${value.toString(16)}/::${(size - 1).toString(16)}`
}

function hash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}
