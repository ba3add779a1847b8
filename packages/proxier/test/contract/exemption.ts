import assert from 'node:assert/strict'
import { atNodePort, expectAtService, expectEach, words } from './ask.ts'
import { type EndpointName, KINDS, nodePort, refused, SPOKEN, service, toAgent, toPods } from './rules.ts'
import type { Case, RuleBackendUnderTest } from './under-test.ts'

/** Packets that rules leave as they are, or change no more than they must. */
export const EXEMPTION_CASES: readonly Case[] = [
  ['touches nothing that a process of the exempt group sends', exempts],
  ['refuses nothing to the exempt group, at the node itself neither', refusesExemptsNothing],
  ['exempts the group on the node only, not in its pods', exemptsNoPods],
  ['leaves the marks that others set on packets as they are', keepsMarks],
  ['never sends to a local pod what is for a pod of another site with the same address', equalAddresses],
]

async function exempts({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(
    KINDS.flatMap((kind) => [
      toAgent(service(1, kind)),
      toPods(service(2, kind), ['secondPod']),
      refused(service(3, kind)),
      toAgent(nodePort(kind)),
    ]),
  )
  for (const number of [1, 2, 3]) await expectAtService(lab, number, { end: 'world', from: ['agent'] })
  await expectEach(['agent'], KINDS, async (caller, kind) => {
    // Nobody listens there.
    assert.deepEqual(await lab.ask(caller, atNodePort(kind)), { ECONNREFUSED: 1 }, words(caller, kind))
  })
}

/** A server that has an address of the node, at a port that is refused to others. */
async function refusesExemptsNothing({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => refused(nodePort(kind, 15_002))))
  await expectEach(['agent'], KINDS, async (caller, kind) => {
    const seen = await lab.ask(caller, atNodePort(kind, 'agent', 15_002))
    assert.deepEqual(seen, { 'second listener': 1 }, words(caller, kind))
  })
}

async function exemptsNoPods({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.flatMap((kind) => [toAgent(service(1, kind)), refused(service(2, kind))]))
  await expectAtService(lab, 1, { end: 'agent', from: ['agentsGroupInPod'] })
  await expectAtService(lab, 2, { end: 'ECONNREFUSED', from: ['agentsGroupInPod'] })
}

/** Sets marks first thing, counts those that arrive with and without. */
const MARKING = `
table inet foreign {
  counter kept { }
  counter lost { }
  chain set-mark { meta l4proto { tcp, udp } ct state new meta mark set 0xc000; }
  chain count-mark {
    meta l4proto { tcp, udp } ct state new meta mark 0xc000 counter name kept return
    meta l4proto { tcp, udp } ct state new counter name lost
  }
  chain prerouting { type filter hook prerouting priority -150; jump set-mark; }
  chain output { type route hook output priority -150; jump set-mark; }
  chain input { type filter hook input priority 200; jump count-mark; }
  chain postrouting { type filter hook postrouting priority 200; jump count-mark; }
}
`

async function keepsMarks({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const several: readonly EndpointName[] = ['pod', 'secondPod', 'remotePod']
  await create().apply(
    KINDS.flatMap((kind) => [
      toAgent(service(1, kind)),
      toPods(service(2, kind), several),
      toPods(service(3, kind), several, { balance: { kind: 'client-ip', timeoutSeconds: 60 } }),
      toPods(service(4, kind), several, { balance: { kind: 'source-ip-hash' }, masquerade: true }),
      refused(service(5, kind)),
      toPods(nodePort(kind), several, { masquerade: true }),
    ]),
  )
  await lab.shell(`nft -f - <<'END'${MARKING}END`)
  await expectEach(['pod', 'node'], KINDS, async (caller, kind) => {
    for (const number of [1, 2, 3, 4, 5]) await lab.ask(caller, service(number, kind), 5)
    await lab.ask(caller, atNodePort(kind), 5)
  })
  const counted = await lab.shell('nft list counters table inet foreign')
  assert.match(counted, /counter kept \{\s+packets [1-9]/)
  assert.match(counted, /counter lost \{\s+packets 0 /)
}

/**
 * Another site has a pod with the address of the second pod here. Only the agent tells them apart, so the Service of
 * that one is the agent's, for the pod with that address and for its neighbours.
 */
async function equalAddresses({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const [here, there] = [1, 2]
  const callers = ['pod', 'secondPod', 'node'] as const
  await backend.apply(
    KINDS.flatMap((kind) => [toPods(service(here, kind), ['secondPod']), toAgent(service(there, kind))]),
  )
  await expectAtService(lab, here, { end: SPOKEN.secondPod, from: callers })
  await expectAtService(lab, there, { end: 'agent', from: callers })

  // The Service moves to the other site, its endpoint's address the same.
  await backend.update(
    KINDS.map((kind) => {
      return { previous: toPods(service(here, kind), ['secondPod']), current: toAgent(service(here, kind)) }
    }),
  )
  await expectAtService(lab, here, { end: 'agent', from: callers })
  await expectAtService(lab, there, { end: 'agent', from: callers })
}
