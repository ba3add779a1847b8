import { isIPv6 } from 'node:net'
import { NFT_SETS, type NftElements, type NftSet } from './nftables-ruleset.ts'

/** What the kernel has of our table. */
export interface NftListing {
  /** All but the elements, as one text with the kernel's handles: a chain that was made anew looks different. */
  readonly structure: string
  /** Names, in no particular order. */
  readonly chains: readonly string[]
  readonly elements: NftElements
}

/**
 * Reads what `nft -n -j list table` writes.
 *
 * @throws {TypeError | SyntaxError} when that is no listing
 * @see libnftables-json(5)
 */
export function parseListing(text: string): NftListing {
  const { nftables: items } = JSON.parse(text) as { readonly nftables: readonly Item[] }
  const elements = Object.fromEntries(NFT_SETS.map((set) => [set, elementsIn(items, set)])) as NftElements
  const structure = JSON.stringify(items, (key, value) => (UNSTRUCTURAL.has(key) ? undefined : value))
  const chains = items.flatMap(({ chain }) => (chain === undefined ? [] : [chain.name]))
  return { structure, chains, elements }
}

/** `metainfo` is about nft, not about the table. */
const UNSTRUCTURAL: ReadonlySet<string> = new Set(['metainfo', 'elem'])

interface Item {
  readonly chain?: { readonly name: string }
  readonly set?: ListedSet
  readonly map?: ListedSet
}

/** The elements of a map are pairs; strangers may have put anything there. */
interface ListedSet {
  readonly name: string
  readonly elem?: readonly unknown[]
}

function elementsIn(items: readonly Item[], name: NftSet): ReadonlyMap<string, string> {
  const listed = items.map((item) => item.set ?? item.map).find((set) => set?.name === name)
  return new Map(listed?.elem?.map(entryOf))
}

function entryOf(element: unknown): [key: string, value: string] {
  return Array.isArray(element) ? [textOf(element[0]), textOf(element[1])] : [textOf(element), '']
}

function textOf(value: unknown): string {
  const { concat } = value as { readonly concat?: unknown }
  return Array.isArray(concat) ? concat.map(canonical).join(' . ') : JSON.stringify(value)
}

/** nft writes addresses that may embed an IPv4 one with dots, RFC 5952 without. */
function canonical(part: unknown): unknown {
  const isMixed = typeof part === 'string' && part.includes('.') && isIPv6(part)
  return isMixed ? new URL(`http://[${part}]`).hostname.slice(1, -1) : part
}
