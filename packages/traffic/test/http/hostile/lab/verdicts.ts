import type { HostileRequest } from '../corpus/hostile-request.ts'
import type { Outcome } from './outcome.ts'
import { WAYS, type Way } from './ways.ts'

/** Ours to send, where we refuse a request that nothing else is wrong with (RFC 9110, 15.5 and 15.6). */
const REFUSALS = new Set([400, 405, 408, 414, 417, 431, 501, 505])

type ByWay = ReadonlyMap<Way, Outcome>

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
function isCarried(request: HostileRequest, ways: ByWay): boolean {
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

/** How many items we let fewer whole requests out of than that peer, as many, and more. */
function compared(byName: OutcomesByName, peer: 'haproxy' | 'nginx'): string {
  const differences = [...byName.values()].map((ways) => wholeBy(ways, 'edgeway') - wholeBy(ways, peer))
  const count = (sign: number): number => differences.filter((one) => Math.sign(one) === sign).length
  return `whole requests against ${peer}: fewer ${count(-1)}, as many ${count(0)}, more ${count(1)}`
}

/** What became of all items by one way. */
function summary(byName: OutcomesByName, way: Way): string {
  const all = [...byName.values()].flatMap((ways) => ways.get(way) ?? [])
  const count = (is: (outcome: Outcome) => boolean): number => all.filter(is).length
  const nothing = count(({ out }) => out === 0)
  const begun = count(({ out, whole }) => out > 0 && whole === 0)
  const whole = count((outcome) => outcome.whole > 0)
  const ambiguous = count(({ quarrels }) => quarrels.length > 0)
  return `${way}: nothing out ${nothing}, begun only ${begun}, whole requests out ${whole}; ambiguous ${ambiguous}`
}

function wholeBy(ways: ByWay, way: Way): number {
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

/** A line for each item, with tabs: requests that came out, statuses, and whether readers agree on them, for each way. */
export function verdictTable(byName: OutcomesByName): string {
  const lines = [...byName].map(([name, ways]) =>
    [name, ...WAYS.map((way) => verdict(ways.get(way)))].join('\t').replaceAll('\n', ' '),
  )
  const peers = (['haproxy', 'nginx'] as const).map((peer) => compared(byName, peer))
  const summaries = [...peers, ...WAYS.map((way) => summary(byName, way))]
  return `${[['item', ...WAYS].join('\t'), ...lines, '', ...summaries].join('\n')}\n`
}

function verdict(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '-'
  const { out, whole, statuses, end, quarrels, isVerbatim, nextGot } = outcome
  const notes = [
    end === 'closed' ? '' : end,
    quarrels.length > 0 ? 'ambiguous' : '',
    isVerbatim && out > 0 ? 'verbatim' : '',
    nextGot === '' ? '' : 'poisoned',
  ]
  const count = whole === out ? `${out} out` : `${whole} of ${out} out`
  return [count, statuses.join(',') || 'no answer', ...notes].filter((note) => note !== '').join(' ')
}
