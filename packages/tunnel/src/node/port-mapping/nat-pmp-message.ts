/**
 * Messages of NAT-PMP, by UDP to port 5351 of the gateway. Requests:
 *
 *     u8 version = 0 | u8 opcode                                                            0: the external address
 *     u8 version = 0 | u8 opcode | u16 0 | u16 internal port | u16 external port | u32 lifetime   2: map a TCP port
 *
 * Answers:
 *
 *     u8 0 | u8 128 + opcode | u16 result | u32 seconds of epoch | u32 external address
 *     u8 0 | u8 128 + opcode | u16 result | u32 seconds of epoch | u16 internal port | u16 external port | u32 lifetime
 *
 * @see RFC 6886, section 3
 */
export const NAT_PMP_PORT = 5351

const ADDRESS = 0
const MAP_TCP = 2
const ANSWER = 128

/** RFC 6886, section 3.5. */
const RESULTS = [
  'success',
  'unsupported version',
  'not authorized',
  'network failure',
  'out of resources',
  'unsupported opcode',
]

export interface NatPmpMap {
  readonly internalPort: number
  readonly externalPort: number
  readonly lifetimeSeconds: number
}

/** What the gateway says; `refused` with the meaning of its result code. */
export type NatPmpAnswer<T> = ({ readonly kind: 'granted' } & T) | { kind: 'refused'; message: string }

export function encodeAddressRequest(): Buffer {
  return Buffer.from([0, ADDRESS])
}

/** Lifetime and external port of 0 remove the mapping. */
export function encodeMapRequest({ internalPort, externalPort, lifetimeSeconds }: NatPmpMap): Buffer {
  const message = Buffer.alloc(12)
  message.writeUInt8(MAP_TCP, 1)
  message.writeUInt16BE(internalPort, 4)
  message.writeUInt16BE(externalPort, 6)
  message.writeUInt32BE(lifetimeSeconds, 8)
  return message
}

/** `undefined` for what is no answer to such a request. */
export function parseAddressAnswer(message: Buffer): NatPmpAnswer<{ ip: string }> | undefined {
  const refusal = refusalOf(message, ADDRESS)
  if (refusal !== undefined) return refusal
  if (!isSuccess(message, ADDRESS) || message.length < 12) return undefined
  return { kind: 'granted', ip: [...message.subarray(8, 12)].join('.') }
}

/** `undefined` for what is no answer to such a request, of that internal port. */
export function parseMapAnswer(message: Buffer, internalPort: number): NatPmpAnswer<NatPmpMap> | undefined {
  const refusal = refusalOf(message, MAP_TCP)
  if (refusal !== undefined) return refusal
  if (!isSuccess(message, MAP_TCP) || message.length < 16) return undefined
  if (message.readUInt16BE(8) !== internalPort) return undefined
  return {
    kind: 'granted',
    internalPort,
    externalPort: message.readUInt16BE(10),
    lifetimeSeconds: message.readUInt32BE(12),
  }
}

function isSuccess(message: Buffer, opcode: number): boolean {
  return (
    message.length >= 8 && message[0] === 0 && message[1] === ANSWER + opcode && message.readUInt16BE(2) === 0
  )
}

/** A server of PCP alone may answer in its own version. */
function refusalOf(message: Buffer, opcode: number): { kind: 'refused'; message: string } | undefined {
  if (message.length < 4 || message[1] !== ANSWER + opcode) return undefined
  if (message[0] !== 0) return { kind: 'refused', message: `it speaks version ${message[0]}` }
  const result = message.readUInt16BE(2)
  return result === 0 ? undefined : { kind: 'refused', message: RESULTS[result] ?? `result ${result}` }
}
