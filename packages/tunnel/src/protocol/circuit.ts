import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { ProtocolError, StreamResetError } from '../errors.ts'

/**
 * Circuit relay v2, the relay's side: the messages in front of a circuit.
 *
 * ```
 *   peer A (hop stream)             relay             (stop stream) peer B
 *     | -- HOP RESERVE ------------->  |
 *     | <-- HOP STATUS {reservation} - |                                        B does the same
 *     | -- HOP CONNECT {peer: B} ---->  | -- STOP CONNECT {peer: A} ------------> |
 *     |                                | <-- STOP STATUS {status} ------------- |
 *     | <-- HOP STATUS {status} ------ |
 *     | <=================== bytes of a connection between A and B ===========> |
 *
 *   message: varint length | protobuf
 *   HOP:  type = 1 (RESERVE 0, CONNECT 1, STATUS 2), peer = 2, reservation = 3, limit = 4, status = 5
 *   STOP: type = 1 (CONNECT 0, STATUS 1),            peer = 2, limit = 3,       status = 4
 *   peer: id = 1 (multihash)      reservation: expire = 1 (Unix seconds)
 * ```
 *
 * A reservation without addresses: the peer knows the address that it asked at. Without limit: not limited.
 *
 * @see https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md
 */
export {
  RELAY_V2_HOP_CODEC as HOP_PROTOCOL,
  RELAY_V2_STOP_CODEC as STOP_PROTOCOL,
} from '@libp2p/circuit-relay-v2'

export const CIRCUIT_STATUS = {
  ok: 100,
  resourceLimitExceeded: 201,
  permissionDenied: 202,
  connectionFailed: 203,
  noReservation: 204,
  malformedMessage: 400,
} as const

export type CircuitStatus = keyof typeof CIRCUIT_STATUS

export type HopRequest =
  | { readonly type: 'reserve' }
  /** `peer`: the PeerId's multihash. */
  | { readonly type: 'connect'; readonly peer: Uint8Array }

/** As much as js-libp2p and go-libp2p accept. */
const MAX_MESSAGE_BYTES = 4096

/** @throws {ProtocolError} for anything but a request */
export function decodeHopRequest(message: Uint8Array): HopRequest {
  const { numbers, bytes } = decodeFields(message)
  if (numbers.get(1) === 0) return { type: 'reserve' }
  const peer = bytes.get(2)
  const id = peer === undefined ? undefined : decodeFields(peer).bytes.get(1)
  if (numbers.get(1) !== 1 || id === undefined) throw new ProtocolError('not a request of the hop protocol')
  return { type: 'connect', peer: id }
}

/** @param expireSeconds - Unix time, where the answer grants a reservation */
export function encodeHopStatus(status: CircuitStatus, expireSeconds?: number): Uint8Array {
  const reservation = expireSeconds === undefined ? [] : [bytesField(3, numberField(1, expireSeconds))]
  return withLength(
    Buffer.concat([numberField(1, 2), ...reservation, numberField(5, CIRCUIT_STATUS[status])]),
  )
}

export function encodeStopConnect(peer: Uint8Array): Uint8Array {
  return withLength(Buffer.concat([numberField(1, 0), bytesField(2, bytesField(1, peer))]))
}

/** True when the peer takes the circuit. */
export function decodeStopStatus(message: Uint8Array): boolean {
  const { numbers } = decodeFields(message)
  return numbers.get(1) === 1 && numbers.get(4) === CIRCUIT_STATUS.ok
}

/**
 * Reads one message off a stream and leaves it paused, with all bytes behind the message still to come.
 *
 * @throws {ProtocolError | StreamResetError} Rejects with the signal's reason when that aborts first.
 */
export async function readMessage(stream: Stream, signal: AbortSignal): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  let received = Buffer.alloc(0)
  const onMessage = ({ data }: StreamMessageEvent): void => {
    received = Buffer.concat([received, data.subarray()])
    try {
      const message = cutMessage(received)
      if (message === undefined) return
      stream.removeEventListener('message', onMessage)
      stream.pause()
      stream.unshift(received.subarray(message.end))
      resolve(message.payload)
    } catch (error) {
      reject(error)
    }
  }
  const onEnd = (): void => reject(new StreamResetError('the stream ended before a message came'))
  const onAbort = (): void => reject(signal.reason)
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onEnd)
  signal.addEventListener('abort', onAbort)
  try {
    // By the message before.
    if (stream.readStatus === 'paused') stream.resume()
    return await promise
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    signal.removeEventListener('abort', onAbort)
  }
}

/** `undefined` while more bytes are needed. */
function cutMessage(received: Buffer): { payload: Uint8Array; end: number } | undefined {
  const prefix = readVarint(received, 0)
  if (prefix === undefined) return undefined
  if (prefix.value > MAX_MESSAGE_BYTES) throw new ProtocolError('the message is too large')
  const end = prefix.end + prefix.value
  return received.length < end ? undefined : { payload: received.subarray(prefix.end, end), end }
}

interface Fields {
  readonly numbers: ReadonlyMap<number, number>
  readonly bytes: ReadonlyMap<number, Uint8Array>
}

/** Of each field the last one, as protobuf wants; only the two kinds that these messages have. */
function decodeFields(message: Uint8Array): Fields {
  const numbers = new Map<number, number>()
  const bytes = new Map<number, Uint8Array>()
  let at = 0
  while (at < message.length) {
    const key = readWholeVarint(message, at)
    const value = readWholeVarint(message, key.end)
    const field = Math.floor(key.value / 8)
    if (key.value % 8 === 0) {
      numbers.set(field, value.value)
      at = value.end
    } else {
      at = value.end + value.value
      bytes.set(field, message.subarray(value.end, at))
    }
    if (at > message.length || ![0, 2].includes(key.value % 8))
      throw new ProtocolError('the message is malformed')
  }
  return { numbers, bytes }
}

function readWholeVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  const number = readVarint(bytes, start)
  if (number === undefined) throw new ProtocolError('the message is cut off')
  return number
}

/** `undefined` when the bytes end before the number does. */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } | undefined {
  let value = 0
  // 8 bytes hold 56 bits: more than a message needs, less than a number loses.
  for (let i = 0; i < 8; i++) {
    const byte = bytes[start + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, end: start + i + 1 }
  }
  throw new ProtocolError('a number is too large')
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 0x80 : 0))
  }
  return Buffer.from(bytes)
}

function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)])
}

function bytesField(field: number, value: Uint8Array): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value])
}

function withLength(message: Uint8Array): Uint8Array {
  return Buffer.concat([varint(message.length), message])
}
