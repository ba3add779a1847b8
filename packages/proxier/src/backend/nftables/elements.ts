import type { IpFamily, Protocol } from '@edgeway/core'
import {
  familyOf,
  type KernelRule,
  type KernelSlot,
  type Match,
  type Rule,
  type RuleChange,
} from '../../model/rule.ts'
import { learnChain } from './chains.ts'
import { FAMILY_WORDS, type Features } from './layout.ts'
import { hashTable, randomTable } from './slot-table.ts'

/** What maps and sets hold, in nft's own syntax: set -> element -> value, which is empty in a plain set. */
export type NftElements = ReadonlyMap<string, ReadonlyMap<string, string>>

/** As IANA assigned them. nft knows names for them only where there is /etc/protocols, which small images lack. */
const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17 }

/** Takes one element; `value` is empty for one of a plain set. */
type Sink = (set: string, key: string, value: string) => void

/** Elements of these sets may be wanted by several Rules; all others belong to one Match. */
const SHARED_SET = /^hairpin[46]$/

/** The part of the key of all elements that belong to a Match. */
export function matchKey(match: Match): string {
  const port = `${PROTOCOL_NUMBERS[match.protocol]} . ${match.port}`
  return match.kind === 'address' ? `${match.ip} . ${port}` : port
}

/** @returns `undefined` unless the kernel learns which endpoint a client had; it learns for IPv4 only */
export function affinitySeconds(rule: Rule): number | undefined {
  const learns =
    rule.mode === 'KERNEL' && rule.balance.kind === 'client-ip' && familyOf(rule.match) === 'IPv4'
  return learns && rule.balance.kind === 'client-ip' ? rule.balance.timeoutSeconds : undefined
}

export function endpointKey({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return `${ip} . ${port}`
}

/** How many Rules want an element of a shared set, by set and key. */
export class ElementCounts {
  readonly #counts = new Map<string, number>()

  /** @returns whether it is the first */
  add(element: string): boolean {
    const count = (this.#counts.get(element) ?? 0) + 1
    this.#counts.set(element, count)
    return count === 1
  }

  /** @returns whether it was the last */
  remove(element: string): boolean {
    const count = (this.#counts.get(element) ?? 0) - 1
    if (count > 0) this.#counts.set(element, count)
    else this.#counts.delete(element)
    return count === 0
  }
}

/** All elements that the Rules need. Rules of families that the node lacks need none. */
export function elementsOf(rules: Iterable<Rule>, features: Features): NftElements {
  const elements = new Map<string, Map<string, string>>()
  for (const rule of rules) emit(rule, features.families, sinkTo(elements))
  return elements
}

/** The shared elements that each of the Rules wants. */
export function countShared(rules: Iterable<Rule>, { families }: Features): ElementCounts {
  const counts = new ElementCounts()
  for (const rule of rules) for (const element of sharedOf(rule, families)) counts.add(element)
  return counts
}

/** What an update takes away and brings. An element in both is replaced. */
export interface ElementChanges {
  readonly removed: NftElements
  readonly added: NftElements
}

/**
 * What the changes mean for the elements.
 *
 * @param counts - brought up to date
 */
export function changedElements(
  changes: readonly RuleChange[],
  { families }: Features,
  counts: ElementCounts,
): ElementChanges {
  const removed = new Map<string, Map<string, string>>()
  const added = new Map<string, Map<string, string>>()
  for (const { previous, current } of changes) {
    if (previous !== undefined) emit(previous, families, sinkTo(removed))
    if (current !== undefined) emit(current, families, sinkTo(added))
  }
  dropShared(removed)
  dropShared(added)
  dropCommon(removed, added)
  countChanges(changes, families, { removed, added, counts })
  return { removed, added }
}

/** These are read by hooks that come after the one that translates: what it left to them must still be there. */
const SET_OF_LATER_HOOKS = /^(?:port-)?(?:hairpin|masquerade|reject)[46]$/

/**
 * Splits what is to be removed: a packet that was translated by what goes in a first transaction may still need what goes in
 * the second one.
 */
export function inOrderOfRemoval(removed: NftElements): readonly [now: NftElements, later: NftElements] {
  const filled = [...removed].filter(([, { size }]) => size > 0)
  const isLater = ([set]: readonly [string, unknown]): boolean => SET_OF_LATER_HOOKS.test(set)
  return [new Map(filled.filter((entry) => !isLater(entry))), new Map(filled.filter(isLater))]
}

type MutableElements = Map<string, Map<string, string>>

function sinkTo(elements: MutableElements): Sink {
  return (set, key, value) => {
    const held = elements.get(set)
    if (held === undefined) elements.set(set, new Map([[key, value]]))
    else held.set(key, value)
  }
}

function dropShared(elements: MutableElements): void {
  for (const set of elements.keys()) if (SHARED_SET.test(set)) elements.delete(set)
}

function dropCommon(removed: MutableElements, added: MutableElements): void {
  for (const [set, elements] of removed) {
    const others = added.get(set)
    for (const [key, value] of elements) {
      if (others?.get(key) !== value) continue
      elements.delete(key)
      others.delete(key)
    }
  }
}

interface SharedChange {
  readonly removed: MutableElements
  readonly added: MutableElements
  readonly counts: ElementCounts
}

/** Adds before it removes, so that what only moves between Rules stays. */
function countChanges(
  changes: readonly RuleChange[],
  families: readonly IpFamily[],
  { removed, added, counts }: SharedChange,
): void {
  const wanted = changes.flatMap(({ current }) => [...sharedOf(current, families)])
  const unwanted = changes.flatMap(({ previous }) => [...sharedOf(previous, families)])
  for (const element of wanted) if (counts.add(element)) sinkElement(added, element)
  for (const element of unwanted) if (counts.remove(element)) sinkElement(removed, element)
}

function sinkElement(elements: MutableElements, element: string): void {
  const [set = '', key = ''] = element.split('|')
  sinkTo(elements)(set, key, '')
}

/** Each once, as `set|key`. */
function sharedOf(rule: Rule | undefined, families: readonly IpFamily[]): ReadonlySet<string> {
  const shared = new Set<string>()
  if (rule?.mode === 'KERNEL') emitHairpins(rule, families, (set, key) => shared.add(`${set}|${key}`))
  return shared
}

function emit(rule: Rule, families: readonly IpFamily[], sink: Sink): void {
  const family = familyOf(rule.match)
  if (!families.includes(family)) return
  const prefix = rule.match.kind === 'address' ? '' : 'port-'
  const { suffix } = FAMILY_WORDS[family]
  const key = matchKey(rule.match)
  if (rule.mode === 'REJECT') sink(`${prefix}reject${suffix}`, key, '')
  else if (rule.mode !== 'KERNEL') sink(`${prefix}agent${suffix}`, key, endpointKey(rule.listener))
  else {
    emitKernel(rule, { prefix, suffix, key }, sink)
    emitHairpins(rule, families, sink)
  }
}

interface Place {
  readonly prefix: string
  readonly suffix: string
  readonly key: string
}

function emitKernel(rule: KernelRule, { prefix, suffix, key }: Place, sink: Sink): void {
  const { kind, table } = balanceOf(rule)
  sink(`${prefix}kernel${suffix}`, key, `goto ${prefix}${kind}-${table.length}`)
  const slots = `${prefix}slots${suffix}-${rule.match.protocol.toLowerCase()}`
  for (let i = 0; i < table.length; i++) {
    const slot = table[i]
    if (slot !== undefined) sink(slots, `${key} . ${i}`, endpointKey(slot))
  }
  for (const slot of rule.slots)
    if (slot.masquerade) sink(`${prefix}masquerade${suffix}`, `${key} . ${endpointKey(slot)}`, '')
  const seconds = affinitySeconds(rule)
  if (seconds !== undefined) sink(`${prefix}sticky${suffix}`, key, `jump ${prefix}${learnChain(seconds)}`)
  if (rule.match.kind === 'node-port' && rule.loopback !== undefined)
    sink(`port-loopback${suffix}`, key, endpointKey(rule.loopback))
}

/** Where the kernel can't learn a client's endpoint, it computes one that stays the same while the endpoints do. */
function balanceOf(rule: KernelRule): { readonly kind: string; readonly table: readonly KernelSlot[] } {
  const isStateless = rule.balance.kind === 'client-ip' && affinitySeconds(rule) === undefined
  const kind = isStateless ? 'source-ip-hash' : rule.balance.kind
  return { kind, table: kind === 'source-ip-hash' ? hashTable(rule.slots) : randomTable(rule.slots) }
}

function emitHairpins(rule: KernelRule, families: readonly IpFamily[], sink: Sink): void {
  const family = familyOf(rule.match)
  if (!families.includes(family)) return
  const set = `hairpin${FAMILY_WORDS[family].suffix}`
  for (const { ip, path } of rule.slots) if (path === 'local') sink(set, `${ip} . ${ip}`, '')
}
