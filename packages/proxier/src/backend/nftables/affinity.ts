import type { Rule, RuleChange } from '../../model/rule.ts'
import { affinitySeconds, endpointKey, matchKey, type NftElements } from './elements.ts'

/** Which endpoints a client of a Match may be sent to by what the kernel has learnt: by map, then by the Match's key. */
export type AllowedEndpoints = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>

export const AFFINITY_MAPS = ['affinity4', 'port-affinity4'] as const

type AffinityMap = (typeof AFFINITY_MAPS)[number]

/** For all that may be in the maps: what a Rule does not allow is stale. */
export function allowedEndpoints(rules: Iterable<Rule>): AllowedEndpoints {
  const allowed = new Map(AFFINITY_MAPS.map((map) => [map, new Map<string, ReadonlySet<string>>()]))
  for (const rule of rules) {
    if (affinitySeconds(rule) !== undefined)
      allowed.get(mapOf(rule))?.set(matchKey(rule.match), endpointsOf(rule))
  }
  return allowed
}

/** For the Matches only that lost endpoints or their affinity; empty where none did. */
export function allowedAfter(changes: readonly RuleChange[]): AllowedEndpoints {
  const allowed = new Map<AffinityMap, Map<string, ReadonlySet<string>>>()
  for (const { previous, current } of changes) {
    if (previous === undefined || affinitySeconds(previous) === undefined) continue
    const isSticky = current !== undefined && affinitySeconds(current) !== undefined
    const left = isSticky ? endpointsOf(current) : new Set<string>()
    if (endpointsOf(previous).isSubsetOf(left)) continue
    const map = mapOf(previous)
    allowed.set(map, (allowed.get(map) ?? new Map()).set(matchKey(previous.match), left))
  }
  return allowed
}

/**
 * What of a listed map no client may be sent to any more.
 *
 * @param scope - `isComplete`: a Match that is not allowed anything has no Rule, so all of it is stale
 */
export function staleAffinities(
  listed: NftElements,
  allowed: AllowedEndpoints,
  { isComplete }: { readonly isComplete: boolean },
): NftElements {
  const stale = new Map<string, Map<string, string>>()
  for (const [map, endpointsOfMatch] of allowed) {
    const entries = [...(listed.get(map) ?? [])].filter(([key, endpoint]) => {
      const endpoints = endpointsOfMatch.get(matchIn(key))
      return endpoints === undefined ? isComplete : !endpoints.has(endpoint)
    })
    if (entries.length > 0) stale.set(map, new Map(entries))
  }
  return stale
}

/** Elements start with the client's address. */
function matchIn(key: string): string {
  return key.slice(key.indexOf(' . ') + 3)
}

function mapOf({ match }: Rule): AffinityMap {
  return match.kind === 'address' ? 'affinity4' : 'port-affinity4'
}

function endpointsOf(rule: Rule): ReadonlySet<string> {
  return new Set(rule.mode === 'KERNEL' ? rule.slots.map(endpointKey) : [])
}
