import type { Connection } from '@libp2p/interface'
import type { NatType } from '../../nat-type.ts'
import { PUNCH_REFUSALS, TRY_OUTCOMES } from '../../protocol/punch.ts'

/** Why a punch would be of no use now: both NATs don't let each other in, or this node can't find out its own mapping. */
export type PunchObstacle = 'useless' | 'no-reflector'

/**
 * Why there is no punched path: what the last try ended with, or why the peer takes no part, or
 *
 * - `signalling`: the peer broke off, did not answer, or did not keep to the protocol
 * - `aborted`: nobody here wants it any more
 */
export const PUNCH_FAILURES = [
  ...TRY_OUTCOMES.filter((outcome) => outcome !== 'connected'),
  ...PUNCH_REFUSALS,
  'signalling',
  'aborted',
] as const

export type PunchFailure = (typeof PUNCH_FAILURES)[number]

/** What came of a punch. `tries`: those that both sides took part in, 3 at most. */
export type PunchResult =
  | { readonly kind: 'punched'; readonly connection: Connection; readonly tries: number }
  | {
      readonly kind: 'failed'
      readonly reason: PunchFailure
      /** For people. */
      readonly message: string
      readonly tries: number
    }

/** With the NAT that the peer told, where it got to tell. */
export type ExchangeEnd = PunchResult & { readonly peerNat?: NatType | undefined }

export function failed(reason: PunchFailure, message: string, tries = 0): PunchResult {
  return { kind: 'failed', reason, message, tries }
}
