import type { HostileRequest } from '../corpus/hostile-request.ts'
import type { Outcome } from './outcome.ts'
import { type ByWay, isCarried, type OutcomesByName, wholeBy } from './verdicts.ts'
import { WAYS, type Way } from './ways.ts'

/**
 * A line for each item, with tabs: requests that came out, statuses, and whether readers agree on them, for each way. Then
 * how many fared how.
 */
export function verdictTable(requests: readonly HostileRequest[], byName: OutcomesByName): string {
  const lines = requests.map(({ name }) => {
    const ways = byName.get(name)
    return [name, ...WAYS.map((way) => verdict(ways?.get(way)))].join('\t').replaceAll('\n', ' ')
  })
  const items = requests.map((request) => ({ request, ways: byName.get(request.name) ?? new Map() }))
  const http = items.filter(({ request, ways }) => !isCarried(request, ways)).map(({ ways }) => ways)
  const carried = `${requests.length} items, of which ${requests.length - http.length} are not HTTP to us, and are carried as they are`
  const peers = (['haproxy', 'nginx'] as const).map((peer) => compared(http, peer))
  const summaries = [`${carried}; of the others:`, ...WAYS.map((way) => summary(http, way)), ...peers]
  return `${[['item', ...WAYS].join('\t'), ...lines, '', ...summaries].join('\n')}\n`
}

/** What became of items by one way. */
function summary(items: readonly ByWay[], way: Way): string {
  const all = items.flatMap((ways) => ways.get(way) ?? [])
  const count = (is: (outcome: Outcome) => boolean): number => all.filter(is).length
  const nothing = count(({ out }) => out === 0)
  const begun = count(({ out, whole }) => out > 0 && whole === 0)
  const whole = count((outcome) => outcome.whole > 0)
  const ambiguous = count(({ quarrels }) => quarrels.length > 0)
  return `${way}: nothing out ${nothing}, begun only ${begun}, whole requests out ${whole}; ambiguous ${ambiguous}`
}

/** How many items we let fewer whole requests out of than that peer, as many, and more. */
function compared(items: readonly ByWay[], peer: 'haproxy' | 'nginx'): string {
  const differences = items.map((ways) => wholeBy(ways, 'edgeway') - wholeBy(ways, peer))
  const count = (sign: number): number => differences.filter((one) => Math.sign(one) === sign).length
  return `whole requests against ${peer}: fewer ${count(-1)}, as many ${count(0)}, more ${count(1)}`
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
