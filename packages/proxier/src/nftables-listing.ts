import { NFT_SETS, type NftElements, type NftSet } from './nftables-ruleset.ts'

/** What the kernel has of our table. */
export interface NftListing {
  /** All but the elements, as one text with the kernel's handles: a chain that was made anew looks different. */
  readonly structure: string
  readonly elements: NftElements
}

/**
 * Reads what `nft -j list table` writes.
 *
 * @throws {TypeError | SyntaxError} when that is no listing
 * @see libnftables-json(5)
 */
export function parseListing(text: string): NftListing {
  const { nftables: items } = JSON.parse(text) as { readonly nftables: readonly Item[] }
  const elements = Object.fromEntries(NFT_SETS.map((set) => [set, elementsIn(items, set)])) as NftElements
  const structure = JSON.stringify(items, (key, value) => (UNSTRUCTURAL.has(key) ? undefined : value))
  return { structure, elements }
}

/** `metainfo` is about nft, not about the table. */
const UNSTRUCTURAL: ReadonlySet<string> = new Set(['metainfo', 'elem'])

interface Item {
  readonly set?: ListedSet
  readonly map?: ListedSet
}

interface ListedSet {
  readonly name: string
  readonly elem?: readonly (Concatenation | ElementPair)[]
}

/** Element and value of a map. */
type ElementPair = [key: Concatenation, value: Concatenation]

interface Concatenation {
  readonly concat: readonly (string | number)[]
}

function elementsIn(items: readonly Item[], name: NftSet): ReadonlyMap<string, string> {
  const listed = items.map((item) => item.set ?? item.map).find((set) => set?.name === name)
  return new Map(listed?.elem?.map(entryOf))
}

function entryOf(element: Concatenation | ElementPair): [key: string, value: string] {
  return Array.isArray(element) ? [join(element[0]), join(element[1])] : [join(element), '']
}

function join({ concat }: Concatenation): string {
  return concat.join(' . ')
}
