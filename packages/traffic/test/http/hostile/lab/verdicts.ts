import type { HostileRequest } from '../corpus/hostile-request.ts'
import type { Outcome } from './outcome.ts'
import type { Way } from './ways.ts'

/** Ours to send, where we refuse a request that nothing else is wrong with (RFC 9110, 15.5 and 15.6). */
const REFUSALS = new Set([400, 405, 408, 414, 417, 431, 501, 505])

export type ByWay = ReadonlyMap<Way, Outcome>

/** What became of each item, by each way that it went. */
export type OutcomesByName = ReadonlyMap<string, ByWay>

/** What is wrong with what became of a request by a way of ours, in a sentence; '' where nothing is. */
export function complaint(request: HostileRequest, way: Way, ways: ByWay): string {
  const outcome = ways.get(way)
  if (outcome === undefined) return 'it did not go that way'
  if (outcome.end === 'hung') return 'the client waits in vain'
  if (outcome.nextGot !== '') return `the next client got ${outcome.nextGot}`
  // It is the peer's then to make of it what it would without us.
  if (isCarried(request, ways)) return ''
  if (outcome.quarrels.length > 0) return `readers do not agree: ${outcome.quarrels.join(' ')}`
  return countComplaint(request, outcome) || answerComplaint(request, outcome)
}

/** It is not HTTP as it begins, so a connection of its own carries it as it is. */
export function isCarried(request: HostileRequest, ways: ByWay): boolean {
  return request.isForeign && ways.get('edgeway')?.isVerbatim === true
}

function countComplaint({ out: [least, most] }: HostileRequest, { out, way }: Outcome): string {
  // A peer behind us may be stricter than we are.
  const isFew = way === 'edgeway' && out < least
  return out > most || isFew ? `${out} requests came out, and not ${least} to ${most}` : ''
}

function answerComplaint({ out: [, most], isCut }: HostileRequest, outcome: Outcome): string {
  const { statuses, whole, way } = outcome
  if (statuses.length === 0) return isCut ? '' : 'there is no answer'
  const [first = 0] = statuses
  if (most === 0) {
    const isRefusal = statuses.length === 1 && REFUSALS.has(first)
    return isRefusal ? '' : `the refusal is ${statuses.join(', ')}`
  }
  const isServed = way !== 'edgeway' || statuses.slice(0, whole).every((status) => status === 200)
  return isServed ? '' : `the answers are ${statuses.join(', ')}`
}

/**
 * Items of which we let more whole requests out than either peer does, and that look like HTTP. What a peer does when a client
 * ends its half of the connection is a matter of luck.
 */
export function laxerThanPeers(requests: readonly HostileRequest[], byName: OutcomesByName): string[] {
  const isLaxer = (request: HostileRequest): boolean => {
    const ways: ByWay = byName.get(request.name) ?? new Map()
    const theirs = Math.max(wholeBy(ways, 'haproxy'), wholeBy(ways, 'nginx'))
    return !isCarried(request, ways) && !request.isCut && wholeBy(ways, 'edgeway') > theirs
  }
  return requests.filter(isLaxer).map(({ name }) => name)
}

export function wholeBy(ways: ByWay, way: Way): number {
  return ways.get(way)?.whole ?? 0
}

export function outcomesByName(outcomes: readonly Outcome[]): Map<string, Map<Way, Outcome>> {
  const byName = new Map<string, Map<Way, Outcome>>()
  for (const outcome of outcomes) {
    const ways = byName.get(outcome.name) ?? new Map<Way, Outcome>()
    byName.set(outcome.name, ways.set(outcome.way, outcome))
  }
  return byName
}
