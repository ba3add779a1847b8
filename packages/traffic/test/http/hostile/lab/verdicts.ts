import type { HostileRequest } from '../corpus/hostile-request.ts'
import type { Outcome } from './outcome.ts'
import { WAYS, type Way } from './ways.ts'

/** Ours to send, where we refuse a request that nothing else is wrong with (RFC 9110, 15.5 and 15.6). */
const REFUSALS = new Set([400, 405, 408, 414, 417, 431, 501, 505])

/** What is wrong with an outcome of ours, in a sentence; '' where nothing is. */
export function complaint(request: HostileRequest, outcome: Outcome): string {
  const { statuses, end, quarrels, nextGot } = outcome
  if (end === 'hung') return 'the client waits in vain'
  if (nextGot !== '') return `the next client got ${nextGot}`
  if (request.isForeign && outcome.isVerbatim) return ''
  if (quarrels.length > 0) return `readers do not agree: ${quarrels.join(' ')}`
  return countComplaint(request, outcome) || answerComplaint(request, statuses)
}

function countComplaint({ out: [least, most] }: HostileRequest, { out, way }: Outcome): string {
  // A peer behind us may be stricter than we are.
  const isFew = way === 'edgeway' && out < least
  return out > most || isFew ? `${out} requests came out, and not ${least} to ${most}` : ''
}

function answerComplaint({ out: [least, most], isCut }: HostileRequest, statuses: readonly number[]): string {
  const isAnswered = isCut || statuses.length > 0
  if (!isAnswered) return 'there is no answer'
  if (most > 0) return statuses.length < least ? `the answers are ${statuses.join(', ')}` : ''
  const [only] = statuses
  const isRefusal = statuses.length === 1 && REFUSALS.has(only ?? 0)
  return isRefusal || (isCut && statuses.length === 0) ? '' : `the refusal is ${statuses.join(', ')}`
}

type ByWay = ReadonlyMap<Way, Outcome>

/** Items that we let more requests out of than either peer does. */
export function laxerThanPeers(byName: ReadonlyMap<string, ByWay>): string[] {
  const isLaxer = (ways: ByWay): boolean =>
    outBy(ways, 'edgeway') > Math.max(outBy(ways, 'haproxy'), outBy(ways, 'nginx'))
  return [...byName].filter(([, ways]) => isLaxer(ways)).map(([name]) => name)
}

/** How many items we let fewer requests out of than that peer, as many, and more. */
function compared(byName: ReadonlyMap<string, ByWay>, peer: 'haproxy' | 'nginx'): string {
  const differences = [...byName.values()].map((ways) => outBy(ways, 'edgeway') - outBy(ways, peer))
  const count = (sign: number): number => differences.filter((one) => Math.sign(one) === sign).length
  return `against ${peer}: stricter ${count(-1)}, equal ${count(0)}, laxer ${count(1)}`
}

function outBy(ways: ByWay, way: Way): number {
  return ways.get(way)?.out ?? 0
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
export function verdictTable(byName: ReadonlyMap<string, ByWay>): string {
  const lines = [...byName].map(([name, ways]) =>
    [name, ...WAYS.map((way) => verdict(ways.get(way)))].join('\t').replaceAll('\n', ' '),
  )
  const summary = (['haproxy', 'nginx'] as const).map((peer) => compared(byName, peer))
  return `${[['item', ...WAYS].join('\t'), ...lines, '', ...summary].join('\n')}\n`
}

function verdict(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '-'
  const { out, statuses, end, quarrels, isVerbatim, nextGot } = outcome
  const notes = [
    end === 'closed' ? '' : end,
    quarrels.length > 0 ? 'ambiguous' : '',
    isVerbatim && out > 0 ? 'verbatim' : '',
    nextGot === '' ? '' : 'poisoned',
  ]
  return [`${out} out`, statuses.join(',') || 'no answer', ...notes].filter((note) => note !== '').join(' ')
}
