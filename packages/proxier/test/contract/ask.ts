import assert from 'node:assert/strict'
import type { Answer, Outcome, Target } from '../lab/station-protocol.ts'
import { ADDRESSES } from '../lab/topology.ts'
import type { NodeLab, StationName } from '../node-lab.ts'
import { KINDS, type Kind, NODE_PORT, service } from './rules.ts'

/** Where most cases call from: a pod, and a process of the node's host network. */
export const BOTH = ['pod', 'node'] as const satisfies readonly StationName[]

/** What one call is answered. */
export async function answer(lab: NodeLab, from: StationName, target: Target): Promise<Answer> {
  const [outcome] = await lab.stations[from].call(target)
  if (outcome === undefined) throw new Error('a call has an outcome')
  return answerOf(outcome, from, target)
}

/** Asserts that each of these callers, over each Kind, gets this end at a ClusterIP. */
export async function expectAtService(
  lab: NodeLab,
  number: number,
  { end, from = BOTH, kinds = KINDS }: Expected,
): Promise<void> {
  await expectEach(from, kinds, async (caller, kind) => {
    assert.deepEqual(await lab.ask(caller, service(number, kind)), { [end]: 1 }, words(caller, kind))
  })
}

/** Who calls how, and what the end shall be. */
export interface Expected {
  readonly end: string
  readonly from?: readonly StationName[]
  readonly kinds?: readonly Kind[]
}

/** Runs a check for each caller and Kind, all at once. */
export async function expectEach<Caller extends StationName>(
  from: readonly Caller[],
  kinds: readonly Kind[],
  check: (caller: Caller, kind: Kind) => Promise<void>,
): Promise<void> {
  await Promise.all(from.flatMap((caller) => kinds.map((kind) => check(caller, kind))))
}

/** The node port of the suite, at an address of the lab. */
export function atNodePort(
  { protocol, family }: Kind,
  at: keyof typeof ADDRESSES = 'node',
  port = NODE_PORT,
): Target {
  return { ip: ADDRESSES[at][family], port, protocol }
}

export function words(caller: StationName, { protocol, family }: Kind): string {
  return `${caller}, ${protocol}, ${family}`
}

function answerOf(outcome: Outcome, from: StationName, { ip, port, protocol }: Target): Answer {
  if ('name' in outcome) return outcome
  throw new Error(`${from} called ${ip} port ${port}/${protocol} and got ${outcome.error}`)
}
