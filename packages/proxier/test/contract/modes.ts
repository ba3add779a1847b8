import assert from 'node:assert/strict'
import type { Target } from '../lab/station-protocol.ts'
import { ADDRESSES, ENDPOINT_PORT } from '../lab/topology.ts'
import type { NodeLab } from '../node-lab.ts'
import { answer, atNodePort, expectAtService, expectEach, words } from './ask.ts'
import {
  BY_CLIENT,
  BY_HASH,
  KINDS,
  NODE_PORT,
  nodePort,
  RANDOM,
  refused,
  SPOKEN,
  service,
  toAgent,
  toPods,
} from './rules.ts'
import type { Case, RuleBackendUnderTest } from './under-test.ts'

/** One rule at a time: who answers, and whom they see. */
export const MODE_CASES: readonly Case[] = [
  ['finds the node fit without leaving anything on it', probesUnseen],
  ['hands connections to the listener of an AGENT rule, their client address kept', handsToTheAgent],
  ['hands connections to the listener of a NODE rule', handsToTheNodesOwn],
  ['leaves connections without a rule alone', leavesTheRestAlone],
  ['refuses connections to what is rejected at once', refusesAtOnce],
  ['refuses no other port or protocol than the rejected one', refusesNothingElse],
  ['sends connections to the only endpoint of a KERNEL rule, their client address kept', sendsToTheOnlyOne],
  ['sends connections to an endpoint on another node', sendsToAnotherNode],
  ['masquerades connections to an endpoint that asks for it', masquerades],
  ['masquerades by rule: not what goes to the same endpoint by another or by none', masqueradesByRule],
  ['masquerades only what goes to endpoints that ask for it', masqueradesBySlot],
  ['lets a pod reach itself through its Service', letsAPodReachItself],
  ['keeps the endpoints of rules with one address and several ports and protocols apart', keepsPortsApart],
]

async function probesUnseen({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const probed = await create().probe()
  assert.equal(probed.usable, true, JSON.stringify(probed))
  assert.equal(await lab.shell('nft list ruleset; ipset list'), '')
}

async function handsToTheAgent({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toAgent(service(1, kind))))
  await expectAtService(lab, 1, { end: 'agent' })
  for (const kind of KINDS)
    assert.equal((await answer(lab, 'pod', service(1, kind))).client, ADDRESSES.pod[kind.family])
}

async function handsToTheNodesOwn({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(
    KINDS.map((kind) => ({ ...toAgent(service(1, kind), 'second listener'), mode: 'NODE' })),
  )
  await expectAtService(lab, 1, { end: 'second listener' })
}

async function leavesTheRestAlone({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.flatMap((kind) => [toAgent(service(1, kind)), refused(service(2, kind))]))
  await expectAtService(lab, 3, { end: 'world' })
}

async function refusesAtOnce({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => refused(service(1, kind))))
  await expectAtService(lab, 1, { end: 'ECONNREFUSED' })
}

async function refusesNothingElse({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const overTcp = KINDS.filter(({ protocol }) => protocol === 'TCP')
  await create().apply([
    ...overTcp.map((kind) => refused(service(1, kind))),
    ...KINDS.map((kind) => refused({ ...service(2, kind), port: 81 })),
  ])
  await expectAtService(lab, 1, { end: 'world', kinds: KINDS.filter((kind) => !overTcp.includes(kind)) })
  await expectAtService(lab, 2, { end: 'world' })
}

async function sendsToTheOnlyOne({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(service(1, kind), ['secondPod'])))
  await expectAtService(lab, 1, { end: SPOKEN.secondPod })
  await expectEach(['pod'], KINDS, async (caller, kind) => {
    const { client } = await answer(lab, caller, service(1, kind))
    assert.equal(client, ADDRESSES.pod[kind.family], words(caller, kind))
  })
}

async function sendsToAnotherNode({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(service(1, kind), ['remotePod'])))
  await expectAtService(lab, 1, { end: SPOKEN.remotePod })
  await expectEach(['pod'], KINDS, async (caller, kind) => {
    const { client } = await answer(lab, caller, service(1, kind))
    assert.equal(client, ADDRESSES.pod[kind.family], words(caller, kind))
  })
}

async function masquerades({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(service(1, kind), ['remotePod'], { masquerade: true })))
  await expectEach(['pod', 'node'], KINDS, async (caller, kind) => {
    const expected = { name: SPOKEN.remotePod, client: ADDRESSES.node[kind.family] }
    assert.deepEqual(await answer(lab, caller, service(1, kind)), expected, words(caller, kind))
  })
}

async function masqueradesByRule({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(
    KINDS.flatMap((kind) => [
      toPods(service(1, kind), ['remotePod', 'pod']),
      toPods(service(2, kind), ['remotePod', 'pod'], { masquerade: true }),
      toPods(nodePort(kind), ['remotePod', 'secondPod'], { masquerade: true }),
    ]),
  )
  await expectEach(['secondPod'], KINDS, async (caller, kind) => {
    const own = ADDRESSES.secondPod[kind.family]
    const direct = { ...service(1, kind), ip: ADDRESSES.remotePod[kind.family], port: ENDPOINT_PORT }
    for (const target of [service(1, kind), direct]) {
      const seen = await clients(lab, target)
      assert.deepEqual(seen, [own], `${target.ip}, ${words(caller, kind)}`)
    }
    const masqueraded = await clients(lab, service(2, kind))
    assert.ok(!masqueraded.includes(own), words(caller, kind))
  })
}

/** Which addresses endpoints see when the second pod calls. */
async function clients(lab: NodeLab, target: Target): Promise<string[]> {
  const outcomes = await lab.stations.secondPod.call(target, 6)
  return [...new Set(outcomes.map((outcome) => ('client' in outcome ? outcome.client : outcome.error)))]
}

async function masqueradesBySlot({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const balances = [RANDOM, BY_CLIENT, BY_HASH]
  const rules = KINDS.flatMap((kind) =>
    balances.map((balance, i) => {
      const rule = toPods(nodePort(kind, NODE_PORT + i), ['secondPod', 'remotePod'], { balance })
      return { ...rule, slots: rule.slots.map((slot) => ({ ...slot, masquerade: slot.path === 'routed' })) }
    }),
  )
  await create().apply(rules)
  await expectEach(['outside'], KINDS, async (caller, kind) => {
    const ports = [...balances.keys()].map((i) => NODE_PORT + i)
    const calls = ports.map((port) => lab.stations[caller].call(atNodePort(kind, 'node', port), 8))
    for (const outcome of (await Promise.all(calls)).flat()) {
      assert.ok('name' in outcome, `${words(caller, kind)}: ${JSON.stringify(outcome)}`)
      const seen = outcome.name === SPOKEN.secondPod ? ADDRESSES.outside : ADDRESSES.node
      assert.equal(outcome.client, seen[kind.family], words(caller, kind))
    }
  })
}

async function letsAPodReachItself({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(service(1, kind), ['pod'])))
  await expectAtService(lab, 1, { end: SPOKEN.pod })
}

async function keepsPortsApart({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(
    KINDS.flatMap((kind) => [
      toPods(service(1, kind), [kind.protocol === 'TCP' ? 'secondPod' : 'remotePod']),
      toPods({ ...service(1, kind), port: 81 }, ['otherRemotePod']),
      refused({ ...service(1, kind), port: 82 }),
    ]),
  )
  await expectEach(['pod', 'node'], KINDS, async (caller, kind) => {
    const at = (port: number) => lab.ask(caller, { ...service(1, kind), port })
    const first = kind.protocol === 'TCP' ? SPOKEN.secondPod : SPOKEN.remotePod
    assert.deepEqual(await at(80), { [first]: 1 }, words(caller, kind))
    assert.deepEqual(await at(81), { [SPOKEN.otherRemotePod]: 1 }, words(caller, kind))
    assert.deepEqual(await at(82), { ECONNREFUSED: 1 }, words(caller, kind))
  })
}
