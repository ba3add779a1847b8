import type { Readable } from 'node:stream'
import { ProtocolError } from '../errors.ts'

/** Frames are a length, big endian, then that many bytes: 1 to `maxBytes`. */
export interface FrameFormat {
  readonly prefixBytes: 2 | 4
  readonly maxBytes: number
}

/** @throws {ProtocolError} when the payload is empty or larger than the format allows */
export function encodeFrame({ prefixBytes, maxBytes }: FrameFormat, payload: Uint8Array): Buffer {
  if (payload.length === 0 || payload.length > maxBytes) {
    throw new ProtocolError(`a frame has 1 to ${maxBytes} bytes, not ${payload.length}`)
  }
  const frame = Buffer.allocUnsafe(prefixBytes + payload.length)
  frame.writeUIntBE(payload.length, 0, prefixBytes)
  frame.set(payload, prefixBytes)
  return frame
}

/**
 * Reads one frame. Bytes behind it stay in `source`, also when they came with the same message.
 *
 * @returns `undefined` when the source ended in front of the frame
 * @throws {ProtocolError} when the frame is empty, too large or cut off. Rejects with the source's error, or with the
 *   signal's reason when that aborts first.
 */
export async function readFrame(
  source: Readable,
  format: FrameFormat,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const prefix = await readExactly(source, format.prefixBytes, signal)
  if (prefix.length === 0) return undefined
  if (prefix.length < format.prefixBytes) throw new ProtocolError('the stream ended within a frame')

  const length = prefix.readUIntBE(0, format.prefixBytes)
  if (length === 0 || length > format.maxBytes) {
    throw new ProtocolError(`a frame has 1 to ${format.maxBytes} bytes, not ${length}`)
  }
  const payload = await readExactly(source, length, signal)
  if (payload.length < length) throw new ProtocolError('the stream ended within a frame')
  return payload
}

/** Reads that many bytes; none at the end of the source, fewer only where it ended within them. */
export async function readExactly(source: Readable, bytes: number, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    signal.throwIfAborted()
    if (source.errored) throw source.errored
    const chunk: Buffer | null = source.read(bytes)
    if (chunk !== null) return chunk
    if (source.readableEnded || source.destroyed) return Buffer.alloc(0)
    await whenReadable(source, signal)
  }
}

async function whenReadable(source: Readable, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const events = ['readable', 'end', 'error', 'close'] as const
  const abort = (): void => resolve()
  for (const event of events) source.on(event, resolve)
  signal.addEventListener('abort', abort)
  await promise
  for (const event of events) source.off(event, resolve)
  signal.removeEventListener('abort', abort)
}
