/** Messages over TCP are preceded by their length in two bytes (RFC 1035 section 4.2.2). */
const PREFIX_BYTES = 2

export function encodeFrame(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
  frame.writeUInt16BE(message.length, 0)
  message.copy(frame, PREFIX_BYTES)
  return frame
}

/** Cuts a byte stream into messages, however it was split on its way. Holds at most one incomplete message. */
export class FrameReader {
  readonly #maxBytes: number
  #rest: Buffer = Buffer.alloc(0)

  /** @param maxBytes - longest message that is taken */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @returns the messages that `chunk` completes; `undefined` when one is too long: the stream is of no more use */
  push(chunk: Buffer): Buffer[] | undefined {
    const messages: Buffer[] = []
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= PREFIX_BYTES) {
      const messageBytes = bytes.readUInt16BE(0)
      if (messageBytes > this.#maxBytes) return undefined
      const end = PREFIX_BYTES + messageBytes
      if (bytes.length < end) break
      messages.push(bytes.subarray(PREFIX_BYTES, end))
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
    return messages
  }
}
