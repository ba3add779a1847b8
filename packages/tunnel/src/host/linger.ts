import type { StreamDuplex } from './stream-duplex.ts'

/** Somebody who is refused gets that long to read why. */
const LINGER_MS = 1_000

/** Sends the last bytes, and waits until the other side has had time to read them. Never rejects. */
export async function endWith(stream: StreamDuplex, frame: Uint8Array): Promise<void> {
  if (stream.destroyed) return
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, LINGER_MS)
  stream.once('close', resolve).resume()
  stream.end(frame)
  await gone
  clearTimeout(timer)
}
