import { type NatType, punchRole } from '../../nat-type.ts'
import { PUNCH_VERSION } from '../../protocol/punch.ts'
import type { PunchChannel } from './punch-channel.ts'
import { type ExchangeEnd, failed } from './punch-result.ts'
import {
  badMapping,
  failedTry,
  MAX_TRIES,
  mismatchOf,
  NEXT_MESSAGE_MS,
  ownNat,
  type PunchSide,
  reflected,
  runTry,
} from './punch-side.ts'
import { passed } from './punch-try.ts'
import { goDelayMs, type LastTry, resultMs } from './timing.ts'

export interface Initiation {
  readonly peerId: string
  readonly channel: PunchChannel
  readonly signal: AbortSignal
  /** Called once, right before the first offer is sent. */
  offering(): void
}

type TryResult = ExchangeEnd | { readonly kind: 'again'; readonly last: LastTry; readonly peerNat: NatType }

/** The side that offers. Rejects when the other side does not keep to the protocol, or the signal aborts. */
export async function initiatePunch(side: PunchSide, initiation: Initiation): Promise<ExchangeEnd> {
  let last: LastTry | undefined
  for (let tries = 1; ; tries++) {
    if (side.hasBetter(initiation.peerId)) return failed('connected', 'a better path came up', tries - 1)
    const result = await oneTry(side, initiation, { tries, last })
    if (result.kind !== 'again') return result
    last = result.last
    if (tries === MAX_TRIES) return { ...failedTry(last.own, tries), peerNat: result.peerNat }
  }
}

async function oneTry(
  side: PunchSide,
  { peerId, channel, signal, offering }: Initiation,
  { tries, last }: { readonly tries: number; readonly last: LastTry | undefined },
): Promise<TryResult> {
  using reflection = await reflected(side, signal)
  if (reflection === undefined) return failed('no-reflector', 'no reflector answered', tries - 1)
  const nat = ownNat(side.nat, reflection)
  if (tries === 1) offering()
  const offeredAt = performance.now()
  channel.send({ type: 'offer', version: PUNCH_VERSION, nat, mapping: reflection.mapping })
  const answer = await channel.read(['answer', 'refused'], NEXT_MESSAGE_MS)
  const tookMs = performance.now() - offeredAt
  if (answer.type === 'refused') return failed(answer.reason, answer.message, tries - 1)

  const { nat: peerNat, mapping: remote } = answer
  const role = punchRole(nat, peerNat)
  if (role === undefined) return { ...failed('useless', 'both NATs keep each other out', tries - 1), peerNat }
  const mismatch = badMapping(side, peerId, remote) ?? mismatchOf(reflection.mapping, remote)
  if (mismatch !== undefined) return { ...failed('bad-mapping', mismatch, tries - 1), peerNat }

  const rttMs = Math.max(0, tookMs - answer.reflectMs)
  channel.send({ type: 'go' })
  await passed(goDelayMs(rttMs, last, Math.random()), signal)
  const end = await runTry(side, { peerId, role, side: 'initiator', reflection, remote, rttMs }, signal)
  channel.send({ type: 'result', outcome: end.outcome })
  if (end.outcome === 'connected') return { kind: 'punched', connection: end.connection, tries, peerNat }
  const peer = await channel.read(['result'], resultMs(rttMs))
  return { kind: 'again', last: { own: end.outcome, peer: peer.outcome }, peerNat }
}
