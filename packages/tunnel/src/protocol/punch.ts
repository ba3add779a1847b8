import { ProtocolError } from '../errors.ts'
import { type Mapping, mappingOf, type NatType, natTypeOf } from '../nat-type.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { integerField, type JsonObject, parseJsonObject, textField } from './json.ts'
import { MAX_EXPLANATION_LENGTH } from './limits.ts'

/**
 * Two nodes agree on a moment at which both connect to each other through their NATs, on a stream of a relayed connection.
 *
 * ```
 *   initiator                                          responder
 *     | -- offer {version, nat, mapping} ------------->  |  for each try, by fresh local ports
 *     | <-- answer {nat, mapping, reflectMs} -----------  |  reflectMs: how long its own reflection took; or
 *     | <-- refused {reason, message}, end -----------  |
 *     | -- go {} ------------------------------------>  |  the responder starts when it comes, the initiator half a
 *     |                                                  |  round trip after it was sent: what the answer took, less reflectMs
 *     | -- result {outcome} ------------------------->  |  of the try, once it has ended at each side
 *     | <-- result {outcome} --------------------------  |
 *
 *   frame: u16 length | JSON object {"type": ..., ...}       lengths are big endian
 * ```
 *
 * Over the new TCP connection the initiator of the exchange is libp2p's, too: noise, yamux; both check the PeerId. A mapping
 * that is told is dialled only if it is a port above 1023 of a public address that the signed record of its teller has among its
 * egress (in IPv6: the same network of 64 bits), so nobody is made to dial strangers.
 */
export const PUNCH_PROTOCOL = '/edgeway/punch/1.0.0'

export const PUNCH_VERSION = 1

export const PUNCH_FRAMES: FrameFormat = { prefixBytes: 2, maxBytes: 2_048 }

/**
 * Why the responder takes no part now.
 *
 * - `busy`: it is punching towards this peer, or towards too many
 * - `useless`: by its NAT and that of the initiator they can't meet
 * - `no-reflector`: it can't find out its own mapping
 * - `connected`: it has a better path to the initiator already
 * - `bad-mapping`: it does not dial what the initiator told: no public address, a port of a well-known service, or an address
 *   that the initiator's record does not tell
 * - `unsupported-version`, `bad-request`: as in enrolment
 */
export const PUNCH_REFUSALS = [
  'busy',
  'useless',
  'no-reflector',
  'connected',
  'bad-mapping',
  'unsupported-version',
  'bad-request',
] as const

export type PunchRefusal = (typeof PUNCH_REFUSALS)[number]

/**
 * What came of a try at one side. `reset`: the other side's NAT or host refused each attempt. `timeout`: nothing was answered.
 * `wrong-identity`: somebody else answered.
 */
export const TRY_OUTCOMES = ['connected', 'reset', 'timeout', 'wrong-identity'] as const

export type TryOutcome = (typeof TRY_OUTCOMES)[number]

export type PunchMessage =
  | { readonly type: 'offer'; readonly version: number; readonly nat: NatType; readonly mapping: Mapping }
  | { readonly type: 'answer'; readonly nat: NatType; readonly mapping: Mapping; readonly reflectMs: number }
  | { readonly type: 'go' }
  | { readonly type: 'result'; readonly outcome: TryOutcome }
  | { readonly type: 'refused'; readonly reason: PunchRefusal; readonly message: string }

const MAX_REFLECT_MS = 60_000

export function encodePunchMessage(message: PunchMessage): Buffer {
  const cut =
    message.type === 'refused'
      ? { ...message, message: message.message.slice(0, MAX_EXPLANATION_LENGTH) }
      : message
  return encodeFrame(PUNCH_FRAMES, Buffer.from(JSON.stringify(cut)))
}

/**
 * A reason or outcome of a newer version reads as `bad-request` or `timeout`.
 *
 * @throws {ProtocolError} when it is of no known type, or a field is missing or malformed
 */
export function decodePunchMessage(payload: Uint8Array): PunchMessage {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  const decode = Object.hasOwn(DECODERS, type) ? DECODERS[type] : undefined
  if (decode === undefined)
    throw new ProtocolError(`a punch message of type ${JSON.stringify(type)} is unknown`)
  return decode(object)
}

const DECODERS: Readonly<Record<string, (object: JsonObject) => PunchMessage>> = {
  offer: (object) => ({
    type: 'offer',
    version: integerField(object, 'version', 1_000_000),
    nat: natTypeOf(object['nat']),
    mapping: mappingOf(object['mapping']),
  }),
  answer: (object) => ({
    type: 'answer',
    nat: natTypeOf(object['nat']),
    mapping: mappingOf(object['mapping']),
    reflectMs: integerField(object, 'reflectMs', MAX_REFLECT_MS),
  }),
  go: () => ({ type: 'go' }),
  result: (object) => {
    const text = textField(object, 'outcome', 100)
    return { type: 'result', outcome: TRY_OUTCOMES.find((outcome) => outcome === text) ?? 'timeout' }
  },
  refused: (object) => {
    const text = textField(object, 'reason', 100)
    return {
      type: 'refused',
      reason: PUNCH_REFUSALS.find((reason) => reason === text) ?? 'bad-request',
      message: textField(object, 'message', MAX_EXPLANATION_LENGTH),
    }
  },
}
