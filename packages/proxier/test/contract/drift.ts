import assert from 'node:assert/strict'
import type { Match, Rule } from '../../src/model/rule.ts'
import type { NodeLab } from '../node-lab.ts'
import { BOTH, expectAtService, expectEach, words } from './ask.ts'
import { changesBetween } from './changes.ts'
import {
  BY_CLIENT,
  BY_HASH,
  type EndpointName,
  KINDS,
  type Kind,
  nodePort,
  refused,
  SPOKEN,
  service,
  toAgent,
  toPods,
} from './rules.ts'
import type { Case, RuleBackendTraits, RuleBackendUnderTest } from './under-test.ts'

/** Texts of addresses that kernels and tools write in other ways than one another. */
const ODD_ADDRESSES = ['::ffff:a60:1', '64:ff9b::a60:1', '1:0:2:0:3:0:4:0', '2001:db8::1:0:0:1', '::a60:1']

/** Whether the kernel has what it shall have, and what is left when it shall have nothing. */
export const DRIFT_CASES: readonly Case[] = [
  ['calls its own rules intact, after a load and after updates', callsItsOwnIntact],
  ['calls its own rules intact when clients have used them', callsUsedIntact],
  ['calls its own rules intact whatever form of IPv6 address they have', callsOddIntact],
  ['calls its own rules intact when somebody else changes rules of his own', callsIntactAmongOthers],
  ['leaves nothing behind, and what others have as it was', leavesNothing],
  ['removes in a new process what a crashed one left', removesForOthers],
  ['loads 1,000 rules of mode AGENT and 200 of mode KERNEL', loadsMany],
]

/** What strangers do to the rules of one backend. */
export function strangerCases({ strangers }: RuleBackendTraits): Case[] {
  return strangers.map(({ what, command }) => [
    `finds and repairs the drift when a stranger ${what}`,
    async ({ lab, create }) => {
      const backend = create()
      await backend.apply(everyKind())
      await lab.shell(command)
      assert.equal(await backend.verify(everyKind()), 'drifted')
      await backend.apply(everyKind())
      assert.equal(await backend.verify(everyKind()), 'intact')
      await expectEveryKind(lab)
    },
  ])
}

async function callsItsOwnIntact({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  await backend.apply([])
  assert.equal(await backend.verify([]), 'intact', 'no rules')
  const stages: readonly Rule[][] = [
    everyKind(),
    everyKind(['remotePod']),
    everyKind(['pod', 'remotePod'], 5),
    [],
  ]
  let before: readonly Rule[] = []
  for (const [stage, rules] of stages.entries()) {
    await backend.update(changesBetween(before, rules))
    before = rules
    assert.equal(await backend.verify(rules), 'intact', `update ${stage}`)
    assert.equal(await backend.verify(rules), 'intact', `update ${stage}, asked again`)
  }
  await backend.apply(everyKind())
  assert.equal(await backend.verify(everyKind()), 'intact', 'load')
  await expectEveryKind(lab)
}

async function callsUsedIntact({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  await backend.apply(everyKind())
  await expectEveryKind(lab)
  assert.equal(await backend.verify(everyKind()), 'intact')
}

async function callsOddIntact({ create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const rules = ODD_ADDRESSES.flatMap((ip) => oddRules(ip))
  await backend.apply(rules)
  assert.equal(await backend.verify(rules), 'intact')
  const fewer = rules.slice(1)
  await backend.update(changesBetween(rules, fewer))
  assert.equal(await backend.verify(fewer), 'intact')
}

function oddRules(ip: string): Rule[] {
  const match = (port: number): Match => ({ kind: 'address', ip, protocol: 'TCP', port })
  const slot = { ip, port: 8_080, weight: 1, path: 'local', masquerade: false } as const
  return [
    toAgent(match(1)),
    refused(match(2)),
    { ...toPods(match(3), ['pod']), slots: [slot] },
    {
      ...toPods(match(4), ['pod'], { balance: BY_CLIENT }),
      slots: [slot, { ...slot, masquerade: true, port: 81 }],
    },
    {
      ...toPods(match(5), ['pod'], { balance: BY_HASH }),
      slots: [slot, { ...slot, path: 'routed', port: 82 }],
    },
  ]
}

async function callsIntactAmongOthers({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  await backend.apply(everyKind())
  await lab.shell(FOREIGN_RULES)
  assert.equal(await backend.verify(everyKind()), 'intact')
  await expectEveryKind(lab)
}

async function leavesNothing({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await lab.shell(FOREIGN_RULES)
  const before = await lab.shell(LIST_ALL)
  const backend = create()
  await backend.cleanup()
  assert.equal(await lab.shell(LIST_ALL), before, 'there was nothing')
  await backend.apply(everyKind())
  await expectEveryKind(lab)
  await backend.cleanup()
  assert.equal(await lab.shell(LIST_ALL), before)
  await backend.cleanup()
  assert.equal(await lab.shell(LIST_ALL), before, 'the second time')
  await expectAtService(lab, 1, { end: 'world' })
}

async function removesForOthers({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await lab.shell(FOREIGN_RULES)
  const before = await lab.shell(LIST_ALL)
  await create().apply(everyKind())
  await create().cleanup()
  assert.equal(await lab.shell(LIST_ALL), before)
}

async function loadsMany({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const at = (i: number, { protocol, family }: Kind): Match => {
    const ip = family === 'IPv4' ? `10.97.${i >> 8}.${i & 255}` : `fd00:97::${i.toString(16)}`
    return { kind: 'address', ip, protocol, port: 80 }
  }
  const kindOf = (i: number): Kind => KINDS[i % KINDS.length] ?? { protocol: 'TCP', family: 'IPv4' }
  const three: readonly EndpointName[] = ['secondPod', 'remotePod', 'otherRemotePod']
  const rules = Array.from({ length: 1_200 }, (_, i) => {
    return i < 1_000 ? toAgent(at(i, kindOf(i))) : toPods(at(i, kindOf(i)), three)
  })
  await backend.apply(rules)
  assert.equal(await backend.verify(rules), 'intact')
  const [of, more] = [
    KINDS.map((_, i) => at(500 + i, kindOf(i))),
    KINDS.map((_, i) => at(1_100 + i, kindOf(i))),
  ]
  for (const match of of) assert.deepEqual(await callAt(lab, match), { agent: 1 })
  for (const match of more) {
    const spoken = three.map((name): string => SPOKEN[name])
    for (const name of Object.keys(await callAt(lab, match))) assert.ok(spoken.includes(name), name)
  }
}

async function callAt(lab: NodeLab, match: Match): Promise<Readonly<Record<string, number>>> {
  if (match.kind !== 'address') throw new Error('only for addresses')
  return lab.ask('pod', match)
}

/** Rules of all modes and balances at the first Services and at node ports. */
function everyKind(names: readonly EndpointName[] = ['secondPod', 'remotePod'], weight = 1): Rule[] {
  const weights = { remotePod: weight }
  return KINDS.flatMap((kind) => [
    toAgent(service(1, kind)),
    { ...toAgent(service(2, kind)), mode: 'NODE' as const },
    refused(service(3, kind)),
    toPods(service(4, kind), names, { weights }),
    toPods(service(5, kind), names, { balance: BY_CLIENT, weights }),
    toPods(service(6, kind), names, { balance: BY_HASH, weights }),
    toPods(service(7, kind), ['remotePod'], { masquerade: true }),
    toAgent(nodePort(kind, 30_001)),
    refused(nodePort(kind, 30_002)),
    toPods(nodePort(kind, 30_003), names, { masquerade: true }),
  ])
}

/** That `everyKind` is what the kernel does. */
async function expectEveryKind(lab: NodeLab): Promise<void> {
  for (const number of [1, 2]) await expectAtService(lab, number, { end: 'agent' })
  await expectAtService(lab, 3, { end: 'ECONNREFUSED' })
  await expectAtService(lab, 7, { end: SPOKEN.remotePod })
  await expectAtService(lab, 8, { end: 'world' })
  await expectEach(BOTH, KINDS, async (caller, kind) => {
    for (const number of [4, 5, 6]) {
      const [name = ''] = Object.keys(await lab.ask(caller, service(number, kind)))
      const spoken: readonly string[] = [SPOKEN.secondPod, SPOKEN.remotePod]
      assert.ok(spoken.includes(name), `service ${number}, ${words(caller, kind)}: ${name}`)
    }
  })
}

/** Somebody's rules in every table that a backend may use, with nothing of ours in their names. */
const FOREIGN_RULES = `
nft 'table inet foreign { chain c { type nat hook prerouting priority -105; tcp dport 9 accept; }; }'
for flavour in nft legacy; do
  for version in "" 6; do
    "ip\${version}tables-$flavour-restore" -w --noflush <<END
*raw
-A PREROUTING -p tcp --dport 9 -j ACCEPT
COMMIT
*mangle
-A PREROUTING -p tcp --dport 9 -j ACCEPT
COMMIT
*nat
:FOREIGN - [0:0]
-A PREROUTING -j FOREIGN
-A OUTPUT -j FOREIGN
-A POSTROUTING -j FOREIGN
-A FOREIGN -p tcp --dport 9 -j ACCEPT
COMMIT
*filter
:FOREIGN - [0:0]
-A INPUT -j FOREIGN
-A FORWARD -j FOREIGN
-A OUTPUT -j FOREIGN
-A FOREIGN -p tcp --dport 9 -j ACCEPT
COMMIT
END
  done
done
ipset create foreign hash:ip
`

/** Without comments, which have the time, and without counters. */
const LIST_ALL = `
nft --stateless list ruleset
for flavour in nft legacy; do
  for version in "" 6; do
    ip\${version}tables-$flavour-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'
  done
done
ipset list -name
`
