import { createHash } from 'node:crypto'
import { IP_FAMILIES, type IpFamily } from '@edgeway/core'
import type { KernelBalance } from '../../model/rule.ts'

/** Everything of ours is in this table, and nothing of anybody else. */
export const NFT_TABLE = 'inet edgeway'

/** What the kernel and `nft` of a node can do, as far as nodes differ. */
export interface Features {
  readonly families: readonly IpFamily[]
  readonly balances: readonly KernelBalance['kind'][]
}

export const ALL_FEATURES: Features = {
  families: IP_FAMILIES,
  balances: ['random', 'client-ip', 'source-ip-hash'],
}

/** What the rules are made of. */
export interface LayoutOptions {
  /** What processes of this group send is never touched. */
  readonly groupId: number
  /** The table goes with the socket that made it: `flags owner`. */
  readonly isOwned: boolean
  readonly features: Features
}

/** The words that nft has for each family. */
export interface FamilyWords {
  /** Ends the names of maps and sets. */
  readonly suffix: '4' | '6'
  readonly ip: 'ip' | 'ip6'
  readonly address: 'ipv4_addr' | 'ipv6_addr'
  readonly nfproto: 'ipv4' | 'ipv6'
  readonly loopback: string
}

export const FAMILY_WORDS: Readonly<Record<IpFamily, FamilyWords>> = {
  IPv4: { suffix: '4', ip: 'ip', address: 'ipv4_addr', nfproto: 'ipv4', loopback: '127.0.0.0/8' },
  IPv6: { suffix: '6', ip: 'ip6', address: 'ipv6_addr', nfproto: 'ipv6', loopback: '::1' },
}

/** A map or a set of the table. */
export interface NftSet {
  readonly kind: 'map' | 'set'
  readonly name: string
  readonly declaration: string
  /** The kernel fills it itself: its elements are no part of what we loaded. */
  readonly isLearnt: boolean
}

/** Most clients that the kernel remembers at a time, per map. */
const MAX_LEARNT = 65_536

const DYNAMIC = `flags timeout, dynamic; size ${MAX_LEARNT};`

/** All maps and sets, in the order of their declaration. */
export function setsOf({ families, balances }: Features): readonly NftSet[] {
  const words = families.map((family) => FAMILY_WORDS[family])
  const kernel = balances.length === 0 ? [] : words.flatMap(kernelSets)
  return [...words.flatMap(commonSets), ...kernel, ...(balances.includes('client-ip') ? AFFINITY_SETS : [])]
}

const PORT = 'inet_proto . inet_service'

function commonSets({ suffix, address }: FamilyWords): NftSet[] {
  const endpoint = `${address} . inet_service`
  return [
    map(`agent${suffix}`, `type ${address} . ${PORT} : ${endpoint};`),
    map(`port-agent${suffix}`, `type ${PORT} : ${endpoint};`),
    set(`reject${suffix}`, `type ${address} . ${PORT};`),
    set(`port-reject${suffix}`, `type ${PORT};`),
  ]
}

/** `ct original proto-dst` and a port as a value have a type only where the protocol is known: one rule for each. */
export const L4_PROTOCOLS = ['tcp', 'udp'] as const

function kernelSets({ suffix, ip, address }: FamilyWords): NftSet[] {
  const endpoint = `${address} . inet_service`
  return [
    map(`kernel${suffix}`, `type ${address} . ${PORT} : verdict;`),
    map(`port-kernel${suffix}`, `type ${PORT} : verdict;`),
    map(`port-loopback${suffix}`, `type ${PORT} : ${endpoint};`),
    ...L4_PROTOCOLS.flatMap((protocol) => slotMaps({ suffix, ip }, protocol)),
    set(`hairpin${suffix}`, `type ${address} . ${address};`),
    set(`masquerade${suffix}`, `type ${address} . ${PORT} . ${endpoint};`),
    set(`port-masquerade${suffix}`, `type ${PORT} . ${endpoint};`),
    { ...set(`node${suffix}`, `type ${address}; ${DYNAMIC}`), isLearnt: true },
  ]
}

/**
 * Places of slot tables are declared as what nft has a type for: with `jhash` nft 1.0.6 crashes when it lists them. It
 * also reads a value that was declared with `th dport` back as a conflict; with `tcp dport` it is one of TCP only.
 */
function slotMaps({ suffix, ip }: Pick<FamilyWords, 'suffix' | 'ip'>, protocol: string): NftSet[] {
  const place = `meta l4proto . th dport . numgen random mod 256 : ${ip} daddr . ${protocol} dport;`
  return [
    map(`slots${suffix}-${protocol}`, `typeof ${ip} daddr . ${place}`),
    map(`port-slots${suffix}-${protocol}`, `typeof ${place}`),
  ]
}

/** For IPv4 only: nft 1.0.6 can't have the kernel learn keys or values of more than 128 bits. */
const AFFINITY_SETS: readonly NftSet[] = [
  map('sticky4', `type ipv4_addr . ${PORT} : verdict;`),
  map('port-sticky4', `type ${PORT} : verdict;`),
  {
    ...map('affinity4', `type ipv4_addr . ipv4_addr . ${PORT} : ipv4_addr . inet_service; ${DYNAMIC}`),
    isLearnt: true,
  },
  {
    ...map('port-affinity4', `type ipv4_addr . ${PORT} : ipv4_addr . inet_service; ${DYNAMIC}`),
    isLearnt: true,
  },
]

function map(name: string, declaration: string): NftSet {
  return { kind: 'map', name, declaration, isLearnt: false }
}

function set(name: string, declaration: string): NftSet {
  return { kind: 'set', name, declaration, isLearnt: false }
}

/** A chain of the table. */
export interface NftChain {
  readonly name: string
  /** Of a base chain: its hook, priority and policy. */
  readonly hook?: string
  readonly rules: readonly string[]
}

/**
 * The name of an empty chain that stands for all declarations, so that a table with exactly our chains is known to be
 * declared as ours.
 */
export function layoutName({ features, isOwned }: LayoutOptions, chains: readonly NftChain[]): string {
  const declarations = [setsOf(features), chains.map(({ name, hook }) => [name, hook]), isOwned]
  const layout = createHash('sha256').update(JSON.stringify(declarations)).digest('hex')
  return `layout-${layout.slice(0, 12)}`
}
