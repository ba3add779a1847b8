import { isIPv6 } from 'node:net'
import type { NftElements } from './elements.ts'
import { NFT_TABLE } from './layout.ts'

/**
 * All but the elements, as text with the kernel's handles: what was made anew looks different. By chain, its rules
 * included; what is of no chain, the declarations of sets and maps, by the empty name. Of the table's flags only the number
 * counts: in place of a single one nft 1.0.6 writes anything.
 */
export type NftStructure = ReadonlyMap<string, string>

/** What the kernel has of our table. */
export interface NftListing {
  readonly structure: NftStructure
  /** Names, in no particular order. */
  readonly chains: readonly string[]
  /** Sets and maps that have none are left out. */
  readonly elements: NftElements
}

/**
 * Reads what `nft -n -j list` writes, of which only our table counts.
 *
 * @returns `undefined` when there is nothing of ours
 * @throws {TypeError | SyntaxError} when that is no listing
 * @see libnftables-json(5)
 */
export function parseListing(text: string): NftListing | undefined {
  const { nftables } = JSON.parse(text) as { readonly nftables: readonly Item[] }
  const items = nftables.filter(isOurs)
  if (items.length === 0) return undefined
  const sets = items.flatMap(({ set, map }) => set ?? map ?? [])
  const filled = sets.filter(({ elem = [] }) => elem.length > 0)
  const elements = new Map(filled.map(({ name, elem }) => [name, new Map(elem?.map(entryOf))]))
  const chains = items.flatMap(({ chain }) => (chain === undefined ? [] : [chain.name]))
  return { structure: structureOf(items), chains, elements }
}

function structureOf(items: readonly Item[]): NftStructure {
  const structure = new Map<string, string>()
  for (const item of items) {
    const name = item.chain?.name ?? item.rule?.chain ?? ''
    const text = JSON.stringify(item.table === undefined ? item : withFlagCount(item.table), (key, value) =>
      key === 'elem' ? undefined : value,
    )
    structure.set(name, (structure.get(name) ?? '') + text)
  }
  return structure
}

function withFlagCount({ flags = [], ...table }: ListedTable): object {
  return { ...table, flags: Array.isArray(flags) ? flags.length : 1 }
}

/** Whether both have the same chains with the same rules, and the same sets and maps. */
export function haveSameStructure(some: NftStructure, other: NftStructure): boolean {
  return areEqual(some, other)
}

function isOurs({ table, ...items }: Item): boolean {
  if (table !== undefined) return `${table.family} ${table.name}` === NFT_TABLE
  return Object.values(items).some((item) => `${item.family} ${item.table}` === NFT_TABLE)
}

/** Whether both hold the same, in any order. */
export function haveSameElements(some: NftElements, others: NftElements): boolean {
  const filled = [...others.values()].filter(({ size }) => size > 0).length
  return some.size === filled && [...some].every(([set, elements]) => areEqual(elements, others.get(set)))
}

function areEqual(
  some: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string> | undefined,
): boolean {
  if (some.size !== others?.size) return false
  for (const [key, value] of some) if (others.get(key) !== value) return false
  return true
}

/** The other is `metainfo`, which is about nft. */
interface Item {
  readonly table?: ListedTable
  readonly chain?: Named
  readonly rule?: { readonly chain: string; readonly family?: string; readonly table?: string }
  readonly set?: ListedSet
  readonly map?: ListedSet
}

interface Named {
  readonly name: string
  readonly family?: string
  readonly table?: string
}

/** Dormant, owned: none, one as text, or several. */
interface ListedTable extends Named {
  readonly flags?: unknown
}

/** The elements of a map are pairs; strangers may have put anything there. */
interface ListedSet extends Named {
  readonly elem?: readonly unknown[]
}

function entryOf(element: unknown): [key: string, value: string] {
  return Array.isArray(element) ? [textOf(element[0]), textOf(element[1])] : [textOf(element), '']
}

interface Expression {
  readonly concat?: unknown
  readonly goto?: Verdict
  readonly jump?: Verdict
  /** An element with a timeout. */
  readonly elem?: { readonly val: unknown }
}

interface Verdict {
  readonly target: string
}

function textOf(value: unknown): string {
  const { concat, goto, jump, elem } = value as Expression
  if (Array.isArray(concat)) return concat.map(canonical).join(' . ')
  if (goto !== undefined) return `goto ${goto.target}`
  if (jump !== undefined) return `jump ${jump.target}`
  return elem === undefined ? JSON.stringify(value) : textOf(elem.val)
}

/** nft writes addresses that may embed an IPv4 one with dots, RFC 5952 without. */
function canonical(part: unknown): unknown {
  const isMixed = typeof part === 'string' && part.includes('.') && isIPv6(part)
  return isMixed ? new URL(`http://[${part}]`).hostname.slice(1, -1) : part
}
