import assert from 'node:assert/strict'
import type { Rule, RuleChange } from '../../src/model/rule.ts'
import type { OpenConnection } from '../lab/station.ts'
import { type NodeLab, tally } from '../node-lab.ts'
import { BOTH, expectAtService, expectEach, words } from './ask.ts'
import { BY_CLIENT, BY_HASH, KINDS, type Kind, refused, SPOKEN, service, toAgent, toPods } from './rules.ts'
import type { Case, RuleBackendUnderTest } from './under-test.ts'

const TCP = KINDS.filter(({ protocol }) => protocol === 'TCP')
const CHANGES_UNDER_LOAD = 100
const LOADS_UNDER_LOAD = 12

/** What a Service is in one after the other, and who answers then. */
const STEPS: readonly { readonly end: string; readonly rule: (kind: Kind) => Rule | undefined }[] = [
  { end: SPOKEN.secondPod, rule: (kind) => toPods(service(1, kind), ['secondPod']) },
  { end: 'agent', rule: (kind) => toAgent(service(1, kind)) },
  { end: 'second listener', rule: (kind) => toAgent(service(1, kind), 'second listener') },
  { end: 'agent', rule: (kind) => ({ ...toAgent(service(1, kind)), mode: 'NODE' }) },
  { end: 'ECONNREFUSED', rule: (kind) => refused(service(1, kind)) },
  { end: 'world', rule: () => undefined },
  { end: SPOKEN.remotePod, rule: (kind) => toPods(service(1, kind), ['remotePod'], { balance: BY_CLIENT }) },
  {
    end: SPOKEN.otherRemotePod,
    rule: (kind) => toPods(service(1, kind), ['otherRemotePod'], { balance: BY_HASH }),
  },
  { end: 'ECONNREFUSED', rule: (kind) => refused(service(1, kind)) },
  { end: SPOKEN.remotePod, rule: (kind) => toPods(service(1, kind), ['remotePod'], { masquerade: true }) },
  { end: SPOKEN.secondPod, rule: (kind) => toPods(service(1, kind), ['secondPod']) },
]

/** Rules that change while the node works. */
export const CHANGE_CASES: readonly Case[] = [
  ['moves new connections with each update', movesNewConnections],
  ['moves new connections with each load', movesWithLoads],
  ['breaks no established connection by an update', breaksNoConnection],
  ['changes one of two families and leaves the other as it is', changesOneFamily],
  ['changes many rules at once', changesMany],
  ['fails no call while updates follow each other', failsNoCallDuringUpdates],
  ['fails no call while new processes load the same rules', failsNoCallDuringLoads],
  ['keeps nothing of the rules that a crashed process left', keepsNothingStale],
  ['makes an update of nothing', updatesNothing],
]

async function movesNewConnections({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  await backend.apply([])
  let before: (kind: Kind) => Rule | undefined = () => undefined
  for (const { end, rule } of STEPS) {
    await backend.update(KINDS.flatMap((kind) => changeOf(before(kind), rule(kind))))
    before = rule
    await expectAtService(lab, 1, { end })
  }
}

async function movesWithLoads({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  for (const { end, rule } of STEPS) {
    await backend.apply(KINDS.map(rule).filter((one) => one !== undefined))
    await expectAtService(lab, 1, { end })
  }
}

/** A connection is opened after each step, and each goes on after all further ones. */
async function breaksNoConnection({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  await backend.apply([])
  let before: (kind: Kind) => Rule | undefined = () => undefined
  const open: { readonly opened: string; readonly connection: OpenConnection }[] = []
  for (const [step, { end, rule }] of STEPS.entries()) {
    await backend.update(TCP.flatMap((kind) => changeOf(before(kind), rule(kind))))
    before = rule
    const text = `after step ${step}`
    const echoed = open.map(async ({ opened, connection }) => {
      assert.equal(await connection.echo(text).catch(String), text, `opened ${opened}`)
    })
    await Promise.all(echoed)
    if (end !== 'ECONNREFUSED') open.push(...(await openAll(lab, `in step ${step}`)))
  }
}

async function openAll(
  lab: NodeLab,
  step: string,
): Promise<{ readonly opened: string; readonly connection: OpenConnection }[]> {
  return Promise.all(
    BOTH.flatMap((caller) =>
      TCP.map(async (kind) => {
        const connection = await lab.stations[caller].connect(service(1, kind))
        return { opened: `${step}, ${words(caller, kind)}`, connection }
      }),
    ),
  )
}

async function changesOneFamily({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const inFamily = (family: Kind['family']): readonly Kind[] => KINDS.filter((kind) => kind.family === family)
  await backend.apply(KINDS.map((kind) => toAgent(service(1, kind))))
  await backend.update(
    inFamily('IPv6').flatMap((kind) => changeOf(toAgent(service(1, kind)), refused(service(1, kind)))),
  )
  await expectAtService(lab, 1, { end: 'agent', kinds: inFamily('IPv4') })
  await expectAtService(lab, 1, { end: 'ECONNREFUSED', kinds: inFamily('IPv6') })
  await backend.update(inFamily('IPv4').flatMap((kind) => changeOf(toAgent(service(1, kind)), undefined)))
  await expectAtService(lab, 1, { end: 'world', kinds: inFamily('IPv4') })
  await expectAtService(lab, 1, { end: 'ECONNREFUSED', kinds: inFamily('IPv6') })
}

/** All modes change places in one update. */
async function changesMany({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const roles = (numbers: readonly [number, number, number]): Rule[] =>
    KINDS.flatMap((kind) => [
      toAgent(service(numbers[0], kind)),
      toPods(service(numbers[1], kind), ['secondPod']),
      refused(service(numbers[2], kind)),
    ])
  await backend.apply(roles([1, 2, 3]))
  const ends = ['agent', SPOKEN.secondPod, 'ECONNREFUSED']
  let before = roles([1, 2, 3])
  for (const numbers of [[2, 3, 1] as const, [3, 4, 2] as const, [4, 1, 3] as const]) {
    const after = roles([...numbers])
    await backend.update(changesBetween(before, after))
    before = after
    for (const [i, number] of numbers.entries()) await expectAtService(lab, number, { end: ends[i] ?? '' })
  }
}

/** Each update turns the Services of one protocol and family. */
async function failsNoCallDuringUpdates({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  await backend.apply(KINDS.flatMap((kind) => loadRules(kind, 0)))
  await expectNoFailureDuring(lab, async () => {
    for (let change = 0; change < CHANGES_UNDER_LOAD; change++) {
      const [round, nth] = [Math.floor(change / KINDS.length), change % KINDS.length]
      const kinds = KINDS.slice(nth, nth + 1)
      const [before, after] = [round, round + 1].map((turn) => kinds.flatMap((kind) => loadRules(kind, turn)))
      await backend.update(changesBetween(before ?? [], after ?? []))
    }
  })
}

async function failsNoCallDuringLoads({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const rules = KINDS.flatMap((kind) => loadRules(kind, 0))
  await create().apply(rules)
  await expectNoFailureDuring(lab, async () => {
    for (let load = 0; load < LOADS_UNDER_LOAD; load++) await create().apply(rules)
  })
}

/** Services 1 to 4 always have somebody who answers, but others in each turn; 5 comes and goes. */
function loadRules(kind: Kind, turn: number): Rule[] {
  const there = turn % 2 === 0
  return [
    toAgent(service(1, kind), there ? 'agent' : 'second listener'),
    toPods(service(2, kind), there ? ['secondPod', 'remotePod'] : ['otherRemotePod', 'secondPod', 'pod']),
    toPods(service(3, kind), there ? ['secondPod'] : ['secondPod', 'remotePod'], { balance: BY_CLIENT }),
    there ? toPods(service(4, kind), ['remotePod'], { balance: BY_HASH }) : toAgent(service(4, kind)),
    ...(there ? [refused(service(5, kind))] : []),
  ]
}

/** Nobody may be refused, run into a timeout, or slip past the rules. */
async function expectNoFailureDuring(lab: NodeLab, action: () => Promise<void>): Promise<void> {
  const targets = [1, 2, 3, 4].flatMap((number) => KINDS.map((kind) => service(number, kind)))
  const acted = Promise.withResolvers<void>()
  const loads = BOTH.map((caller) => lab.stations[caller].callDuring(targets, () => acted.promise))
  try {
    await action()
  } finally {
    acted.resolve()
  }
  const outcomes = (await Promise.all(loads)).flat()
  const served = ['agent', 'second listener', ...Object.values<string>(SPOKEN)]
  const failures = outcomes.filter((outcome) => !('name' in outcome) || !served.includes(outcome.name))
  assert.deepEqual(tally(failures), {}, `of ${outcomes.length} calls`)
}

async function keepsNothingStale({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(
    KINDS.flatMap((kind) => [
      toAgent(service(1, kind)),
      refused(service(2, kind)),
      toPods(service(3, kind), ['secondPod', 'remotePod'], { balance: BY_CLIENT }),
      toAgent(service(4, kind)),
    ]),
  )
  const backend = create()
  const rules = KINDS.map((kind) => toPods(service(4, kind), ['remotePod']))
  await backend.apply(rules)
  for (const number of [1, 2, 3]) await expectAtService(lab, number, { end: 'world' })
  await expectAtService(lab, 4, { end: SPOKEN.remotePod })
  assert.equal(await backend.verify(rules), 'intact')
}

async function updatesNothing({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const rules = KINDS.map((kind) => toAgent(service(1, kind)))
  await backend.apply(rules)
  await backend.update([])
  await backend.update(rules.flatMap((rule) => changeOf(rule, rule)))
  assert.equal(await backend.verify(rules), 'intact')
  await expectEach(BOTH, KINDS, async (caller, kind) => {
    assert.deepEqual(await lab.ask(caller, service(1, kind)), { agent: 1 }, words(caller, kind))
  })
}

function changeOf(previous: Rule | undefined, current: Rule | undefined): RuleChange[] {
  return previous === undefined && current === undefined ? [] : [{ previous, current }]
}

/** What makes the rules before to those after. */
export function changesBetween(before: readonly Rule[], after: readonly Rule[]): RuleChange[] {
  const keyOf = ({ match }: Rule): string => JSON.stringify(match)
  const [previous, current] = [before, after].map(
    (rules) => new Map(rules.map((rule) => [keyOf(rule), rule])),
  )
  const keys = new Set([...before, ...after].map(keyOf))
  return [...keys].flatMap((key) => changeOf(previous?.get(key), current?.get(key)))
}
