import { describe, expect, it } from 'vitest'
import type { KernelRule } from '../../model/rule.ts'
import { JUMPS } from './fixed-chains.ts'
import { LoadedRules } from './loaded-rules.ts'
import { SetNames } from './names.ts'
import { type OurTables, parseSaved } from './saved-rules.ts'

const RULE: KernelRule = {
  mode: 'KERNEL',
  match: { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 },
  balance: { kind: 'random' },
  slots: [{ ip: '10.1.0.1', port: 8080, weight: 1, path: 'routed', masquerade: false }],
  loopback: undefined,
}
const PREFIX = 'EDGEWAY-NFT'
const SCOPE = { families: ['IPv4'], names: new SetNames(PREFIX), groupId: 1 } as const

/** What `ipset save` prints of these rules. */
function savedSetsOf(loaded: LoadedRules): string {
  const sets = [...loaded.ruleset.sets]
  return sets
    .flatMap(([name, { members }]) => [
      `create ${name} hash:ip,port\n`,
      ...[...members.keys()].map((member) => `add ${name} ${member}\n`),
    ])
    .join('')
}

/** What the kernel has of these rules. */
function kernelOf(loaded: LoadedRules, extra: readonly string[] = []): ReadonlyMap<'IPv4', OurTables> {
  const jumps = (table: string): string[] =>
    JUMPS.filter((jump) => jump.table === table).map(({ from, line }) => `-A ${from} ${line}`)
  const chains = [...loaded.ruleset.chains('IPv4')]
  const declared = chains.map(([chain]) => `:${chain} - [0:0]`)
  const lines = chains.flatMap(([chain, own]) => own.map((line) => `-A ${chain} ${line}`))
  const saved = [
    '*nat',
    ...declared,
    ...extra,
    ...jumps('nat'),
    ...lines,
    'COMMIT',
    '*filter',
    ...jumps('filter'),
  ]
  return new Map([['IPv4', parseSaved(saved.join('\n'))]])
}

describe('LoadedRules', () => {
  it('knows the tables as they were remembered, and after a change', () => {
    const loaded = new LoadedRules([], SCOPE)
    loaded.rememberAll(kernelOf(loaded))
    loaded.change({ previous: undefined, current: RULE })
    expect(loaded.hasTables(kernelOf(loaded))).toBe(false)
    loaded.remember(kernelOf(loaded), loaded.ruleset.takeDelta())
    expect(loaded.hasTables(kernelOf(loaded))).toBe(true)
  })

  it('still finds what a stranger did before a change of ours', () => {
    const loaded = new LoadedRules([], SCOPE)
    loaded.rememberAll(kernelOf(loaded))
    loaded.change({ previous: undefined, current: RULE })
    const strange = kernelOf(loaded, ['-A EDGEWAY-SERVICES -j RETURN'])
    loaded.remember(strange, loaded.ruleset.takeDelta())
    expect(loaded.hasTables(strange)).toBe(false)
  })

  it('finds sets wrong that a stranger brought back to what was right before a change of ours', () => {
    const loaded = new LoadedRules([], SCOPE)
    const before = savedSetsOf(loaded)
    expect(loaded.hasSets(before, PREFIX, new Set())).toBe(true)
    loaded.change({ previous: undefined, current: RULE })
    expect(loaded.hasSets(savedSetsOf(loaded), PREFIX, new Set())).toBe(true)
    loaded.change({ previous: RULE, current: undefined })
    expect(loaded.hasSets(savedSetsOf(loaded), PREFIX, new Set())).toBe(true)

    loaded.change({ previous: undefined, current: RULE })
    expect(loaded.hasSets(before, PREFIX, new Set())).toBe(false)
  })

  it('never takes tables for right in which our jumps are not first', () => {
    const loaded = new LoadedRules([RULE], SCOPE)
    const late = kernelOf(loaded, ['-A PREROUTING -j KUBE-SERVICES'])
    loaded.rememberAll(late)
    expect(loaded.hasTables(late)).toBe(false)
  })
})
