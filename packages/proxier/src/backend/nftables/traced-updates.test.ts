import { ipFamilyOf } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import type { Packet, Target } from '../../../test/trace/packet-fields.ts'
import type { Ruleset } from '../../../test/trace/ruleset.ts'
import {
  ADDRESSES,
  KINDS,
  type Kind,
  kubeProxysTarget,
  loadedWith,
  packet,
  RuleNode,
  SENDERS,
  slot,
  targetOf,
  updatedWith,
} from '../../../test/trace/scene.ts'
import type { Trace } from '../../../test/trace/traced-node.ts'
import type { KernelBalance, KernelSlot, Match, Rule } from '../../model/rule.ts'

const BALANCES: readonly KernelBalance[] = [
  { kind: 'random' },
  { kind: 'client-ip', timeoutSeconds: 90 },
  { kind: 'source-ip-hash' },
]

/** Rules of each mode, balance and size of table for one Match, by name. */
function rulesFor(match: Match, family: Kind['family']): ReadonlyMap<string, Rule> {
  const kernel = (balance: KernelBalance, slots: readonly KernelSlot[]): Rule => {
    return { mode: 'KERNEL', match, balance, slots, loopback: undefined }
  }
  const one = [slot('pod', family)]
  const two = [slot('secondPod', family, { masquerade: true }), slot('remotePod', family)]
  const listener = (port: number): Target => ({ ip: ADDRESSES.agent[family], port })
  return new Map<string, Rule>([
    ...BALANCES.flatMap((balance): [string, Rule][] => [
      [`${balance.kind} over one`, kernel(balance, one)],
      [`${balance.kind} over two others`, kernel(balance, two)],
    ]),
    ['AGENT', { mode: 'AGENT', match, listener: listener(15_001) }],
    ['NODE', { mode: 'NODE', match, listener: listener(53) }],
    ['REJECT', { mode: 'REJECT', match }],
  ])
}

interface Row {
  readonly kind: Kind
  readonly match: Match
  readonly title: string
}

const ROWS: readonly Row[] = KINDS.flatMap((kind) => {
  const { family, protocol } = kind
  const matches: Match[] = [
    { kind: 'address', ip: ADDRESSES.clusterIp[family], protocol, port: 80 },
    { kind: 'node-port', family, protocol, port: 30_080 },
  ]
  return matches.map((match) => ({ kind, match, title: `${protocol} of ${family} to ${match.kind}` }))
})

/** Where a packet may end by a rule, and whether it is masqueraded there; without a rule kube-proxy has it. */
function endsOf(rule: Rule | undefined, { destination, protocol }: Packet): string[] {
  if (rule === undefined) return [endOf('accepted', kubeProxysTarget(ipFamilyOf(destination.ip)))]
  if (rule.mode === 'REJECT') return [endOf(protocol === 'TCP' ? 'reset' : 'unreachable', destination)]
  if (rule.mode !== 'KERNEL') return [endOf('accepted', rule.listener)]
  return rule.slots.map((chosen) => endOf('accepted', chosen, chosen.masquerade))
}

function endOf(verdict: Trace['verdict'], { ip, port }: Target, masqueraded = false): string {
  return `${verdict} at ${ip} ${port}${masqueraded ? ', masqueraded' : ''}`
}

/** The ends of a packet that meets the later table after any number of lookups. */
function endsBetween(before: Ruleset, after: Ruleset, request: Packet): ReadonlySet<string> {
  const ends = new Set<string>()
  for (const circumstances of [
    { random: 0, hash: 0 },
    { random: 1, hash: 100 },
  ]) {
    for (let split = 0, lookups = 0; split <= lookups; split++) {
      const trace = new RuleNode(before, after).send(request, circumstances, [split])
      lookups = trace.lookups
      ends.add(endOf(trace.verdict, trace.destination, trace.masqueraded))
    }
  }
  return ends
}

interface Change {
  readonly title: string
  readonly previous: Rule | undefined
  readonly current: Rule | undefined
}

function changesAt(match: Match, family: Kind['family']): Change[] {
  const rules = [...rulesFor(match, family), ['no rule', undefined] as const]
  return rules.flatMap(([from, previous]) =>
    rules
      .filter(([to]) => to !== from)
      .map(([to, current]) => ({ title: `${from} to ${to}`, previous, current })),
  )
}

/** Changes and places where packets end that neither the old nor the new rule sends there. */
function lostAmid(
  changes: readonly Change[],
  { kind, match }: Row,
  edit?: (script: string) => string,
): string[] {
  const tables = new Map<Rule | undefined, Ruleset>()
  return changes.flatMap(({ title, previous, current }) => {
    const loaded = tables.get(previous) ?? loadedWith(previous === undefined ? [] : [previous], edit)
    tables.set(previous, loaded)
    const [first, second] = updatedWith(loaded, [{ previous, current }])
    return SENDERS.flatMap((sender) => {
      const request = packet(kind, sender, targetOf(match))
      const ends = endsBetween(loaded, first, request).union(endsBetween(first, second, request))
      const allowed = new Set([...endsOf(previous, request), ...endsOf(current, request)])
      return [...ends.difference(allowed)].map((end) => `${title}, from ${sender}: ${end}`)
    })
  })
}

/**
 * A transaction takes much longer than a packet, so that one meets two tables at most: those before and after a
 * transaction of an update.
 */
describe('a packet that is on its way while a rule changes', () => {
  const isOfRefusal = ({ previous }: Change): boolean => previous?.mode === 'REJECT'

  it.each(ROWS)('ends where the old or the new rule sends it: $title', (row) => {
    const changes = changesAt(row.match, row.kind.family).filter((change) => !isOfRefusal(change))

    expect(lostAmid(changes, row)).toEqual([])
  })

  // Known: what was translated to itself is not refused any more when its element has gone before the filter looks.
  it.each(ROWS)('ends where the old or the new rule sends it when it was refused: $title', (row) => {
    const changes = changesAt(row.match, row.kind.family).filter(
      (change) => isOfRefusal(change) && change.current !== undefined,
    )

    expect(lostAmid(changes, row)).toEqual([])
  })

  it.each(ROWS)('goes on untranslated at worst when the rule that refused it goes: $title', (row) => {
    const changes = changesAt(row.match, row.kind.family).filter(
      (change) => isOfRefusal(change) && change.current === undefined,
    )
    const asItWas = endOf('accepted', targetOf(row.match))

    expect(lostAmid(changes, row).filter((lost) => !lost.endsWith(asItWas))).toEqual([])
  })

  it.each(ROWS)('would get lost if Services were looked up once only: $title', (row) => {
    const once = (script: string): string => script.replaceAll(/(\n +jump services)\1/g, '$1')
    const changes = changesAt(row.match, row.kind.family).filter(
      ({ previous, current }) =>
        previous !== undefined && current !== undefined && previous.mode !== 'REJECT',
    )

    const untouched = endOf('accepted', kubeProxysTarget(row.kind.family))
    expect(lostAmid(changes, row, once).filter((lost) => lost.endsWith(untouched))).not.toEqual([])
  })
})
