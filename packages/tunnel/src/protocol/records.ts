import { ProtocolError } from '../errors.ts'
import { MAX_CERTIFICATE_LENGTH } from '../identity/membership.ts'
import { MAX_RECORD_LENGTH, type PeerRecordWire } from '../records/peer-record.ts'
import { encodeFrame, type FrameFormat } from './frames.ts'
import { parseJsonObject, textField } from './json.ts'

/**
 * Two nodes that met on a LAN tell each other how they are reached, while no tunnel server does. Only members are answered, and
 * each tells nothing but its own, signed record, which is of the key that the connection was made with.
 *
 * ```
 *   asks                                              is asked
 *     | -- record {certificate, record}, end ------->  |  of the one who asks
 *     | <-- record {certificate, record}, end -------  |  of the one who is asked; or the end alone: it has none yet
 *
 *   frame: u32 length | JSON object {"type": ..., ...}       lengths are big endian
 * ```
 */
export const RECORDS_PROTOCOL = '/edgeway/records/1.0.0'

export const RECORDS_FRAMES: FrameFormat = {
  prefixBytes: 4,
  maxBytes: MAX_CERTIFICATE_LENGTH + MAX_RECORD_LENGTH + 200,
}

export function encodeRecordMessage({ certificate, record }: PeerRecordWire): Buffer {
  return encodeFrame(RECORDS_FRAMES, Buffer.from(JSON.stringify({ type: 'record', certificate, record })))
}

/** @throws {ProtocolError} when it is of no known type, or a field is missing or malformed */
export function decodeRecordMessage(payload: Uint8Array): PeerRecordWire {
  const object = parseJsonObject(payload)
  const type = textField(object, 'type', 100)
  if (type !== 'record')
    throw new ProtocolError(`a message about records of type ${JSON.stringify(type)} is unknown`)
  return {
    certificate: textField(object, 'certificate', MAX_CERTIFICATE_LENGTH),
    record: textField(object, 'record', MAX_RECORD_LENGTH),
  }
}
