import { type NatType, type PunchRole, punchRole } from '../../nat-type.ts'
import { PUNCH_VERSION, type PunchMessage, type PunchRefusal } from '../../protocol/punch.ts'
import type { Reflection } from '../nat/reflect.ts'
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
import { resultMs } from './timing.ts'

export type Offer = Extract<PunchMessage, { readonly type: 'offer' }>

const MOST_GO_MS = 15_000

export interface Response {
  readonly peerId: string
  readonly channel: PunchChannel
  readonly signal: AbortSignal
  /** Whether the peer may offer now; to be asked for each offer. */
  mayOffer(): boolean
}

/** Why an offer is not taken. */
class Refusal {
  readonly reason: PunchRefusal
  readonly message: string

  constructor(reason: PunchRefusal, message: string) {
    this.reason = reason
    this.message = message
  }
}

/**
 * The side that answers offers, from the first one on, until a try succeeded or the peer offers no more. Rejects when the other
 * side does not keep to the protocol, or the signal aborts.
 */
export async function respondToPunch(
  side: PunchSide,
  first: Offer,
  response: Response,
): Promise<ExchangeEnd> {
  const { channel } = response
  let offer: Offer | undefined = first
  for (let tries = 1; ; tries++) {
    const result: ExchangeEnd | Refusal = await oneTry(side, offer, { ...response, tries })
    if (result instanceof Refusal) {
      channel.refuse(result.reason, result.message)
      return { ...failed(result.reason, result.message, tries - 1), peerNat: offer.nat }
    }
    if (result.kind === 'punched' || tries === MAX_TRIES) return result
    offer = await channel.next(['offer'], NEXT_MESSAGE_MS)
    if (offer === undefined) return result
  }
}

async function oneTry(
  side: PunchSide,
  offer: Offer,
  { tries, ...response }: Response & { readonly tries: number },
): Promise<ExchangeEnd | Refusal> {
  const { peerId, channel, signal } = response
  const early = refusalOf(side, offer, response)
  if (early !== undefined) return early
  const reflectsAt = performance.now()
  using reflection = await reflected(side, signal)
  if (reflection === undefined) return new Refusal('no-reflector', 'no reflector answered')
  const nat = ownNat(side.nat, reflection)
  const role = fittingRole(offer, nat, reflection)
  if (role instanceof Refusal) return role

  const answeredAt = performance.now()
  const reflectMs = Math.round(answeredAt - reflectsAt)
  channel.send({ type: 'answer', nat, mapping: reflection.mapping, reflectMs })
  await channel.read(['go'], MOST_GO_MS)
  const rttMs = performance.now() - answeredAt
  const { nat: peerNat, mapping: remote } = offer
  const end = await runTry(side, { peerId, role, side: 'responder', reflection, remote, rttMs }, signal)
  channel.send({ type: 'result', outcome: end.outcome })
  if (end.outcome === 'connected') return { kind: 'punched', connection: end.connection, tries, peerNat }
  await channel.read(['result'], resultMs(rttMs))
  return { ...failedTry(end.outcome, tries), peerNat }
}

/** What can be said before anybody is asked. */
function refusalOf(side: PunchSide, offer: Offer, { peerId, mayOffer }: Response): Refusal | undefined {
  if (offer.version !== PUNCH_VERSION)
    return new Refusal('unsupported-version', `field version is ${offer.version}, expected ${PUNCH_VERSION}`)
  if (!mayOffer()) return new Refusal('busy', 'too many offers: 3 a minute are answered')
  if (side.hasBetter(peerId)) return new Refusal('connected', 'there is a better path already')
  if (punchRole(side.nat.type, offer.nat) === undefined) return USELESS
  const bad = badMapping(side, peerId, offer.mapping)
  return bad === undefined ? undefined : new Refusal('bad-mapping', bad)
}

const USELESS = new Refusal('useless', 'both NATs keep each other out')

function fittingRole(offer: Offer, nat: NatType, reflection: Reflection): PunchRole | Refusal {
  const mismatch = mismatchOf(reflection.mapping, offer.mapping)
  if (mismatch !== undefined) return new Refusal('bad-mapping', mismatch)
  return punchRole(nat, offer.nat) ?? USELESS
}
