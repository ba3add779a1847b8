import type { Readable } from 'node:stream'
import { ProtocolError, UnsupportedProtocolError } from '../errors.ts'
import { readExactly } from './frames.ts'

/**
 * The choice of a stream's protocol, without waiting for the other side's word: the first message follows at once, which
 * saves a round trip.
 *
 * ```
 *   dialler                                                    listener
 *     | -- "/multistream/1.0.0\n", "<protocol>\n", first bytes -->  |
 *     | <-- "/multistream/1.0.0\n", "<protocol>\n" ---------------- |  or "na\n", then nothing sensible
 *
 *   each text: varint length | that many bytes
 * ```
 *
 * @see https://github.com/multiformats/multistream-select
 */
const MULTISTREAM = '/multistream/1.0.0'

/** Of a text, with its line feed: what one byte of length can say. */
const MAX_TEXT_BYTES = 127

/** @throws {ProtocolError} when the protocol's name is too long */
export function encodeNegotiation(protocol: string, firstBytes: Uint8Array): Buffer {
  return Buffer.concat([lineOf(MULTISTREAM), lineOf(protocol), firstBytes])
}

/** The messages that the other side says yes in, each with a varint of its length in front. */
export function negotiationTexts(protocol: string): readonly Buffer[] {
  return [MULTISTREAM, protocol].map((text) => Buffer.from(`${text}\n`))
}

/**
 * Reads the answer; what follows it stays in `source`.
 *
 * @throws {UnsupportedProtocolError} when the other side does not speak the protocol
 * @throws {ProtocolError} when the answer is malformed or cut off. Rejects with the source's error, or with the signal's
 *   reason when that aborts first.
 */
export async function readNegotiation(
  source: Readable,
  protocol: string,
  signal: AbortSignal,
): Promise<void> {
  for (const expected of [MULTISTREAM, protocol]) {
    const text = await readLine(source, signal)
    if (text === 'na') throw new UnsupportedProtocolError(protocol)
    if (text !== expected) throw new ProtocolError(`expected ${expected} as the stream's protocol`)
  }
}

function lineOf(text: string): Buffer {
  const line = Buffer.from(`${text}\n`)
  if (line.length > MAX_TEXT_BYTES) throw new ProtocolError(`the protocol's name ${text} is too long`)
  return Buffer.concat([Buffer.from([line.length]), line])
}

async function readLine(source: Readable, signal: AbortSignal): Promise<string> {
  const [length = 0] = await readExactly(source, 1, signal)
  if (length === 0 || length > MAX_TEXT_BYTES)
    throw new ProtocolError('the choice of the protocol was cut off or is too long')
  const line = await readExactly(source, length, signal)
  if (line.length < length || line.at(-1) !== 0x0a)
    throw new ProtocolError('the choice of the protocol was cut off')
  return line.toString('utf8', 0, length - 1)
}
