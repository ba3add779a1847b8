import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { KernelBalance, Match } from '../../src/model/rule.ts'
import { MORE_CLIENTS } from '../lab/topology.ts'
import type { NodeLab, StationName, Tally } from '../node-lab.ts'
import { BOTH, expectEach, words } from './ask.ts'
import { changesBetween } from './changes.ts'
import { BY_CLIENT, BY_HASH, type EndpointName, KINDS, type Kind, SPOKEN, service, toPods } from './rules.ts'
import type { Case, RuleBackendTraits, RuleBackendUnderTest } from './under-test.ts'

const THREE: readonly EndpointName[] = ['secondPod', 'remotePod', 'otherRemotePod']
const FOUR: readonly EndpointName[] = ['pod', ...THREE]

/** How the kernel spreads connections over endpoints. */
export const BALANCING_CASES: readonly Case[] = [
  ['spreads connections over all endpoints', spreads],
  ['sends more connections to endpoints of more weight', weighs],
  ['follows endpoints that come and go', followsEndpoints],
  ['keeps a client at one endpoint where balance is client-ip', staysWith(BY_CLIENT)],
  ['moves a client of a client-ip rule at once when its endpoint goes', movesWhenItsEndpointGoes],
  ['spreads clients over endpoints where balance is client-ip', chooses(BY_CLIENT)],
  ['keeps what it knows of clients across a load by a new process', remembersAcrossProcesses(BY_CLIENT)],
  ['keeps a client at one endpoint where balance is source-ip-hash', staysWith(BY_HASH)],
  ['finds the same endpoint by hash in a new process', remembersAcrossProcesses(BY_HASH)],
  ['spreads clients over endpoints where balance is source-ip-hash', spreadsByHash],
]

async function spreads({ lab, create }: RuleBackendUnderTest): Promise<void> {
  await create().apply(KINDS.map((kind) => toPods(service(1, kind), THREE)))
  await expectEach(BOTH, KINDS, async (caller, kind) => {
    // Each has a third; none of 60 is as likely as one in 10^10.
    const seen = await lab.ask(caller, service(1, kind), 60)
    assert.deepEqual(Object.keys(seen).toSorted(), spoken(THREE), words(caller, kind))
  })
}

async function weighs({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const weights = { remotePod: 3 }
  await create().apply(KINDS.map((kind) => toPods(service(1, kind), ['secondPod', 'remotePod'], { weights })))
  await expectEach(['pod'], KINDS, async (caller, kind) => {
    // 200 calls, 150 expected with a deviation of 6; with equal weights 100, of 7.
    const { [SPOKEN.remotePod]: heavy = 0, [SPOKEN.secondPod]: light = 0 } = await lab.ask(
      caller,
      service(1, kind),
      200,
    )
    assert.equal(heavy + light, 200, words(caller, kind))
    assert.ok(heavy > 115 && heavy < 185, `${words(caller, kind)}: ${heavy} of 200`)
  })
}

async function followsEndpoints({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const sets: readonly (readonly EndpointName[])[] = [['secondPod'], THREE, ['otherRemotePod', 'secondPod']]
  for (const balance of [undefined, BY_CLIENT, BY_HASH]) {
    const rule = (match: Match, names: readonly EndpointName[]) =>
      toPods(match, names, balance === undefined ? {} : { balance })
    let before: readonly EndpointName[] = FOUR
    await backend.apply(KINDS.map((kind) => rule(service(1, kind), FOUR)))
    for (const names of sets) {
      await backend.update(
        KINDS.map((kind) => {
          return { previous: rule(service(1, kind), before), current: rule(service(1, kind), names) }
        }),
      )
      before = names
      await expectEach(BOTH, KINDS, async (caller, kind) => {
        const seen = Object.keys(await lab.ask(caller, service(1, kind), balance === undefined ? 40 : 3))
        const strange = seen.filter((name) => !spoken(names).includes(name))
        assert.deepEqual(strange, [], `${balance?.kind ?? 'random'}, ${words(caller, kind)}`)
      })
    }
  }
}

function staysWith(balance: KernelBalance): Case[1] {
  return async ({ lab, create }) => {
    await create().apply(KINDS.map((kind) => toPods(service(1, kind), FOUR, { balance })))
    await expectEach(BOTH, KINDS, async (caller, kind) => {
      const seen = await lab.ask(caller, service(1, kind), 30)
      assert.equal(Object.keys(seen).length, 1, `${words(caller, kind)}: ${JSON.stringify(seen)}`)
      assert.ok(spoken(FOUR).includes(Object.keys(seen)[0] ?? ''), JSON.stringify(seen))
    })
  }
}

/** One that stays is the only one at first, so that it is known who is where. */
function keepsWhenOthersChange(kinds: readonly Kind[]): Case[1] {
  return async ({ lab, create }) => {
    const backend = create()
    const rules = (names: readonly EndpointName[]) =>
      kinds.map((kind) => toPods(service(1, kind), names, { balance: BY_CLIENT }))
    const expectStay = (when: string, count: number): Promise<void> =>
      expectEach(['pod'], kinds, async (caller, kind) => {
        const calls = MORE_CLIENTS[kind.family]
          .slice(0, 8)
          .map((sourceIp) => lab.ask(caller, { ...service(1, kind), sourceIp }, count))
        for (const seen of await Promise.all(calls))
          assert.deepEqual(seen, { [SPOKEN.remotePod]: count }, `${when}: ${words(caller, kind)}`)
      })
    let before = rules(['remotePod'])
    await backend.apply(before)
    await expectStay('at first', 1)
    for (const names of [THREE, ['secondPod', 'remotePod'] as const, THREE.toReversed()]) {
      const after = rules(names)
      await backend.update(changesBetween(before, after))
      before = after
      await expectStay(names.join(), 2)
    }
  }
}

async function movesWhenItsEndpointGoes({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const backend = create()
  const rule = (names: readonly EndpointName[]) =>
    KINDS.map((kind) => toPods(service(1, kind), names, { balance: BY_CLIENT }))
  await backend.apply(rule(['remotePod']))
  await expectEach(BOTH, KINDS, async (caller, kind) => void (await lab.ask(caller, service(1, kind))))
  const [previous, current] = [rule(['remotePod']), rule(['secondPod', 'otherRemotePod'])]
  await backend.update(previous.map((was, i) => ({ previous: was, current: current[i] })))
  await expectEach(BOTH, KINDS, async (caller, kind) => {
    const seen = await lab.ask(caller, service(1, kind), 30)
    assert.equal(Object.keys(seen).length, 1, `${words(caller, kind)}: ${JSON.stringify(seen)}`)
    assert.equal(seen[SPOKEN.remotePod], undefined, words(caller, kind))
  })
}

/** What a backend learns about clients. */
export function affinityCases({ affinityByHash = [] }: RuleBackendTraits): Case[] {
  const kinds = KINDS.filter(({ family }) => !affinityByHash.includes(family))
  const overTcp = kinds.filter(({ protocol }) => protocol === 'TCP')
  if (kinds.length === 0) return []
  return [
    ['keeps clients at their endpoint when others come and go', keepsWhenOthersChange(kinds)],
    ['forgets the endpoint of a client that was quiet for the timeout', forgets(overTcp)],
  ]
}

function forgets(kinds: readonly Kind[]): Case[1] {
  return async ({ lab, create }) => {
    const balance: KernelBalance = { kind: 'client-ip', timeoutSeconds: 1 }
    await create().apply(kinds.map((kind) => toPods(service(1, kind), FOUR, { balance })))
    await expectEach(BOTH, kinds, async (caller, kind) => {
      const [first] = Object.keys(await lab.ask(caller, service(1, kind)))
      await untilMoved(lab, { caller, kind, from: first })
    })
  }
}

/** Each call renews what is known, and three of four choices move the client: it moves in the end. */
async function untilMoved(
  lab: NodeLab,
  who: { caller: StationName; kind: Kind; from: string | undefined },
): Promise<void> {
  for (let round = 0; round < 10; round++) {
    // There is nothing to wait for but that nobody calls.
    await delay(1_200)
    const [name] = Object.keys(await lab.ask(who.caller, service(1, who.kind)))
    if (name !== who.from) return
  }
  throw new Error(`${words(who.caller, who.kind)}: still at ${who.from}`)
}

/** Nine Services give each client nine choices. */
function chooses(balance: KernelBalance): Case[1] {
  return async ({ lab, create }) => {
    const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    await create().apply(
      KINDS.flatMap((kind) => numbers.map((number) => toPods(service(number, kind), THREE, { balance }))),
    )
    const calls = [...BOTH, 'secondPod' as const].flatMap((caller) =>
      KINDS.flatMap((kind) => numbers.map((number) => lab.ask(caller, service(number, kind)))),
    )
    const seen = new Set((await Promise.all(calls)).flatMap((ends) => Object.keys(ends)))
    assert.deepEqual([...seen].toSorted(), spoken(THREE))
  }
}

function remembersAcrossProcesses(balance: KernelBalance): Case[1] {
  return async ({ lab, create }) => {
    const numbers = [1, 2, 3, 4]
    const rules = KINDS.flatMap((kind) =>
      numbers.map((number) => toPods(service(number, kind), FOUR, { balance })),
    )
    const askAll = (): Promise<readonly Tally[]> =>
      Promise.all(
        KINDS.flatMap((kind) =>
          numbers.flatMap((number) => BOTH.map((caller) => lab.ask(caller, service(number, kind)))),
        ),
      )
    await create().apply(rules)
    const first = await askAll()
    await create().apply(rules)
    assert.deepEqual(await askAll(), first)
  }
}

/** Of 32 clients some go each way, more where the weight is; and each stays. */
async function spreadsByHash({ lab, create }: RuleBackendUnderTest): Promise<void> {
  const two: readonly EndpointName[] = ['secondPod', 'remotePod']
  const weights = { remotePod: 3 }
  await create().apply(KINDS.map((kind) => toPods(service(1, kind), two, { balance: BY_HASH, weights })))
  await expectEach(['pod'], KINDS, async (caller, kind) => {
    const calls = MORE_CLIENTS[kind.family].map((sourceIp) =>
      lab.ask(caller, { ...service(1, kind), sourceIp }, 2),
    )
    const ends = (await Promise.all(calls)).map((seen) => Object.keys(seen).join())
    assert.deepEqual([...new Set(ends)].toSorted(), spoken(two), words(caller, kind))
    const heavy = ends.filter((end) => end === SPOKEN.remotePod).length
    assert.ok(heavy > ends.length / 2, `${words(caller, kind)}: ${heavy} of ${ends.length}`)
  })
}

function spoken(names: readonly EndpointName[]): string[] {
  return names.map((name) => SPOKEN[name]).toSorted()
}
