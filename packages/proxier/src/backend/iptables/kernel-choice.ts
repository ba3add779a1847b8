import type { IpFamily } from '@edgeway/core'
import { maglevTable } from '../../model/maglev.ts'
import { familyOf, type KernelRule, type KernelSlot, type Match } from '../../model/rule.ts'
import { type IpSet, kernelChain, lastBits, type SetNames, slotChain } from './names.ts'

/** A prime: entries of the table that sources are spread over. */
const TABLE_SIZE = 31

/**
 * Sources are told by their last five bits: pods of a node differ in them. Not by the hash of xt_cluster: of an IPv6
 * address that takes the first 32 bits only (seen with Linux 6.18), so that all pods of a cluster are one.
 */
const SOURCES = 32

/** The kernel counts a set's timeouts in milliseconds, in 32 bits. */
const MAX_SET_TIMEOUT_SECONDS = 2_147_483

/** The lines that send a connection to one of the slots, and the sets they need. */
export interface KernelChoice {
  readonly sets: readonly IpSet[]
  /** Rules without `-A chain`, those of one chain in their order. */
  readonly lines: readonly (readonly [chain: string, line: string])[]
}

export function choiceOf(rule: KernelRule, names: SetNames): KernelChoice {
  const slots = mergeSlots(rule.slots)
  const chain = kernelChain(rule.match)
  const protocol = rule.match.protocol.toLowerCase()
  const dnat = (slot: KernelSlot): string => `-j DNAT --to-destination ${endpointOf(slot)}`
  switch (rule.balance.kind) {
    case 'random':
      return { sets: [], lines: randomly(slots, dnat).map((line) => [chain, `-p ${protocol} ${line}`]) }
    case 'source-ip-hash':
      return {
        sets: [],
        lines: bySource(familyOf(rule.match), slots, dnat).map((line) => [chain, `-p ${protocol} ${line}`]),
      }
    case 'client-ip':
      return byClient({ match: rule.match, slots, timeoutSeconds: rule.balance.timeoutSeconds }, names)
  }
}

/** `ip:port`, as a DNAT target takes it. */
export function endpointOf({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

/** Slots of one endpoint become one, of their weights' sum: no line may be in a chain twice. */
export function mergeSlots(slots: readonly KernelSlot[]): readonly KernelSlot[] {
  const merged = new Map<string, KernelSlot>()
  for (const slot of slots) {
    const known = merged.get(endpointOf(slot))
    const weight = slot.weight + (known?.weight ?? 0)
    merged.set(endpointOf(slot), { ...(known ?? slot), weight })
  }
  return [...merged.values()]
}

/** Each line takes its slot's share of what the lines before have left; the last one takes all. */
function randomly(slots: readonly KernelSlot[], verdict: (slot: KernelSlot) => string): string[] {
  let left = slots.reduce((sum, { weight }) => sum + weight, 0)
  return slots.map((slot, index) => {
    const probability = (slot.weight / left).toFixed(10)
    left -= slot.weight
    const share = index === slots.length - 1 ? '' : `-m statistic --mode random --probability ${probability} `
    return `${share}${verdict(slot)}`
  })
}

/** The slot with most sources needs no lines but the last, which takes what no other line has taken. */
function bySource(
  family: IpFamily,
  slots: readonly KernelSlot[],
  verdict: (slot: KernelSlot) => string,
): string[] {
  const backends = slots.map((slot) => ({ key: endpointOf(slot), weight: slot.weight, slot }))
  const table = maglevTable(backends, TABLE_SIZE).map(({ slot }) => slot)
  const share = (slot: KernelSlot): number => table.filter((entry) => entry === slot).length
  const most = slots.toSorted((a, b) => share(b) - share(a)).slice(0, 1)
  const lines = Array.from({ length: SOURCES }, (_, source) => {
    const taker = table.slice(source % TABLE_SIZE).slice(0, 1)
    const others = taker.filter((slot) => !most.includes(slot))
    return others.map((slot) => `-s ${lastBits(family, source, SOURCES)} ${verdict(slot)}`)
  })
  return [...lines.flat(), ...most.map(verdict)]
}

/**
 * The client's slot, if one has it; else one at random. Each slot has a set of its own, which goes with the slot. When
 * a set is full, further clients have no affinity.
 */
function byClient(
  {
    match,
    slots,
    timeoutSeconds,
  }: { readonly match: Match; readonly slots: readonly KernelSlot[]; readonly timeoutSeconds: number },
  names: SetNames,
): KernelChoice {
  const chain = kernelChain(match)
  const timeout = Math.min(timeoutSeconds, MAX_SET_TIMEOUT_SECONDS)
  const known = slots.map((slot) => {
    const endpoint = endpointOf(slot)
    return {
      endpoint,
      set: names.affinity(match, familyOf(match), endpoint),
      chain: slotChain(match, endpoint),
    }
  })
  const found = known.map(
    ({ set, chain: to }) => [chain, `-m set --match-set ${set.name} src -j ${to}`] as const,
  )
  const chosen = randomly(slots, (slot) => `-j ${slotChain(match, endpointOf(slot))}`)
  const perSlot = known.flatMap(({ set, endpoint, chain: own }) => [
    [own, `-j SET --add-set ${set.name} src --exist --timeout ${timeout}`] as const,
    [own, `-p ${match.protocol.toLowerCase()} -j DNAT --to-destination ${endpoint}`] as const,
  ])
  return {
    sets: known.map(({ set }) => set),
    lines: [...found, ...chosen.map((line) => [chain, line] as const), ...perSlot],
  }
}
