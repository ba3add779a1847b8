import assert from 'node:assert/strict'
import type { AddressMatch, Rule } from '../../src/model/rule.ts'
import { ADDRESSES, ENDPOINT_PORT } from '../lab/topology.ts'
import { answer, atNodePort, expectEach, words } from './ask.ts'
import { KINDS, type Kind, nodePort, refused, SPOKEN, toAgent, toPods } from './rules.ts'
import type { Case, RuleBackendUnderTest } from './under-test.ts'

const EVERYBODY = ['outside', 'pod', 'node'] as const
const TCP = KINDS.filter(({ protocol }) => protocol === 'TCP')

/** What comes to the node itself, or from outside. */
export const NODE_PORT_CASES: readonly Case[] = [
  ["hands connections to a node port's listener, from outside, pods and the node", handsToTheAgent],
  ['refuses connections to a rejected node port', refuses],
  ['refuses connections to a rejected node port at loopback addresses', refusesAtLoopback],
  ['sends connections to a node port to a pod, the address of a client outside kept', sendsToAPod],
  ['masquerades connections to a node port that go on to another node', sendsOn],
  ['hands connections to a node port at loopback addresses to the listener for these', loopback],
  ['leaves other ports of the node, and the same port of others, alone', leavesTheRestAlone],
  ['masquerades nobody who calls an endpoint itself at a port that is the node port too', leavesDirectCalls],
  ['sends connections to an external address on to another node', sendsExternalOn],
  ['hands connections to an external address to the listener, and refuses them', servesExternal],
]

async function handsToTheAgent({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toAgent(nodePort(kind))))
  await expectEach(EVERYBODY, KINDS, async (caller, kind) => {
    assert.deepEqual(await lab.ask(caller, atNodePort(kind)), { agent: 1 }, words(caller, kind))
  })
  await expectEach(['pod', 'node'], KINDS, async (caller, kind) => {
    assert.deepEqual(await lab.ask(caller, atNodePort(kind, 'bridge')), { agent: 1 }, words(caller, kind))
  })
  await expectEach(['node'], TCP, async (caller, kind) => {
    assert.deepEqual(await lab.ask(caller, atNodePort(kind, 'loopback')), { agent: 1 }, words(caller, kind))
  })
}

async function refuses({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => refused(nodePort(kind))))
  await expectEach(EVERYBODY, KINDS, async (caller, kind) => {
    assert.deepEqual(await lab.ask(caller, atNodePort(kind)), { ECONNREFUSED: 1 }, words(caller, kind))
  })
}

async function refusesAtLoopback({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => refused(nodePort(kind))))
  await expectEach(['node'], KINDS, async (caller, kind) => {
    const seen = await lab.ask(caller, atNodePort(kind, 'loopback'))
    assert.deepEqual(seen, { ECONNREFUSED: 1 }, words(caller, kind))
  })
}

async function sendsToAPod({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(nodePort(kind), ['secondPod'])))
  await expectEach(EVERYBODY, KINDS, async (caller, kind) => {
    const { name, client } = await answer(lab, caller, atNodePort(kind))
    assert.equal(name, SPOKEN.secondPod, words(caller, kind))
    if (caller !== 'node') assert.equal(client, ADDRESSES[caller][kind.family], words(caller, kind))
  })
}

async function sendsOn({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(nodePort(kind), ['remotePod'], { masquerade: true })))
  await expectEach(EVERYBODY, KINDS, async (caller, kind) => {
    const expected = { name: SPOKEN.remotePod, client: ADDRESSES.node[kind.family] }
    assert.deepEqual(await answer(lab, caller, atNodePort(kind)), expected, words(caller, kind))
  })
}

async function leavesDirectCalls({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const nodePortRule = (kind: Kind): Rule => {
    const rule = toPods(nodePort(kind, ENDPOINT_PORT), ['remotePod'], { masquerade: true })
    return { ...rule, loopback: undefined }
  }
  await create().apply(KINDS.map(nodePortRule))
  await expectEach(['pod'], KINDS, async (caller, kind) => {
    const { client } = await answer(lab, caller, {
      ip: ADDRESSES.remotePod[kind.family],
      port: ENDPOINT_PORT,
      protocol: kind.protocol,
    })
    assert.equal(client, ADDRESSES.pod[kind.family], words(caller, kind))
  })
}

async function loopback({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(nodePort(kind), ['secondPod'])))
  await expectEach(['node'], KINDS, async (caller, kind) => {
    const seen = await lab.ask(caller, atNodePort(kind, 'loopback'))
    assert.deepEqual(seen, { loopback: 1 }, words(caller, kind))
  })
}

async function leavesTheRestAlone({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.flatMap((kind) => [toAgent(nodePort(kind, 80)), refused(nodePort(kind, 8_080))]))
  await expectEach(['pod', 'node'], KINDS, async (caller, kind) => {
    const elsewhere = { ...atNodePort(kind, 'secondPod'), port: 8_080 }
    assert.deepEqual(await lab.ask(caller, elsewhere), { [SPOKEN.secondPod]: 1 }, words(caller, kind))
    assert.deepEqual(await lab.ask(caller, atNodePort(kind)), { ECONNREFUSED: 1 }, words(caller, kind))
    assert.deepEqual(await lab.ask(caller, atNodePort(kind, 'node', 80)), { agent: 1 }, words(caller, kind))
  })
}

async function sendsExternalOn({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(external(kind), ['remotePod'], { masquerade: true })))
  await expectEach(EVERYBODY, KINDS, async (caller, kind) => {
    const expected = { name: SPOKEN.remotePod, client: ADDRESSES.node[kind.family] }
    assert.deepEqual(await answer(lab, caller, external(kind)), expected, words(caller, kind))
  })
}

async function servesExternal({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const [backend, isTcp] = [create(), ({ protocol }: Kind) => protocol === 'TCP']
  const rules = KINDS.map((kind) => (isTcp(kind) ? toAgent : refused)(external(kind)))
  await backend.apply(rules)
  await expectEach(EVERYBODY, KINDS, async (caller, kind) => {
    const end = isTcp(kind) ? 'agent' : 'ECONNREFUSED'
    assert.deepEqual(await lab.ask(caller, external(kind)), { [end]: 1 }, words(caller, kind))
  })
}

function external({ protocol, family }: Kind): AddressMatch {
  return { kind: 'address', ip: ADDRESSES.external[family], protocol, port: 80 }
}
