import { ProtocolError } from '../errors.ts'
import { type Mapping, mappingOf } from '../nat-type.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { integerField, parseJsonObject, textField } from './json.ts'

/**
 * What a reflector says, on a TCP port beside a tunnel server: the address that a connection comes from. Anybody may ask; the
 * answer tells no more than the asker's own packets do, and nothing is sent to anybody else.
 *
 * ```
 *   asks                                          reflector
 *     | -- connects ----------------------------->  |
 *     | <-- you {version, mapping {ip, port}} -----  |  at once
 *     | -- call-back {} ------------------------->  |  once, if at all: the reflector connects to that address, from
 *     | <-- called-back {outcome} ----------------  |  a port of its own that was never sent to
 *
 *   frame: u16 length | JSON object {"type": ..., ...}       lengths are big endian
 * ```
 *
 * The connection, and with it the NAT's mapping, stays until the asker resets it, or the reflector's time is up (20 s). So does
 * a call-back that got in; the asker takes it and leaves it open until it has the outcome, as one that is reset at once
 * looks refused.
 *
 * @see RFC 5780, whose tests for UDP are these
 */
export const REFLECTION_VERSION = 1

export const REFLECTION_FRAMES: FrameFormat = { prefixBytes: 2, maxBytes: 512 }

/** `connected`: it got in; `refused`: it was reset; `timeout`: nothing was answered. */
export const CALL_BACK_OUTCOMES = ['connected', 'refused', 'timeout'] as const

export type CallBackOutcome = (typeof CALL_BACK_OUTCOMES)[number]

export type ReflectionMessage =
  | { readonly type: 'you'; readonly version: number; readonly mapping: Mapping }
  | { readonly type: 'call-back' }
  | { readonly type: 'called-back'; readonly outcome: CallBackOutcome }

export function encodeReflectionMessage(message: ReflectionMessage): Buffer {
  return encodeFrame(REFLECTION_FRAMES, Buffer.from(JSON.stringify(message)))
}

/** @throws {ProtocolError} when it is of no known type, or a field is missing or malformed */
export function decodeReflectionMessage(payload: Uint8Array): ReflectionMessage {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  switch (type) {
    case 'you':
      return {
        type,
        version: integerField(object, 'version', 1_000_000),
        mapping: mappingOf(object['mapping']),
      }
    case 'call-back':
      return { type }
    case 'called-back': {
      const text = textField(object, 'outcome', 100)
      return { type, outcome: CALL_BACK_OUTCOMES.find((outcome) => outcome === text) ?? 'timeout' }
    }
    default:
      throw new ProtocolError(`a reflection message of type ${JSON.stringify(type)} is unknown`)
  }
}
