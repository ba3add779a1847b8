const LENGTH_BYTES = 2
/**
 * The largest payload that IPv6 can carry without jumbograms: 65,535 less the header of UDP; IPv4 carries 20 bytes less.
 * Lengths above it are marks without a payload.
 */
const MAX_LENGTH = 65_527
const REFUSED = 65_535

/** Of one piece of the stream at most: empty ones would come by ten thousands, and hold up everything else. */
const MAX_DATAGRAMS_AT_ONCE = 1_024

/** Says that the endpoint's port is closed; the stream ends behind it. */
export const REFUSED_MARK: Buffer = Buffer.from([REFUSED >> 8, REFUSED & 0xff])

/** A datagram behind its length; a zero-length one is one, too. */
export function encodeDatagram(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + payload.length)
  frame.writeUInt16BE(payload.length, 0)
  frame.set(payload, LENGTH_BYTES)
  return frame
}

export interface DatagramSink {
  /** The datagram is the sink's own: its memory is not written to again. */
  onDatagram(payload: Buffer): void
  onRefused(): void
  /** There were too many in one piece: this one is left out. */
  onLeftOut?(): void
}

/**
 * Takes a stream's bytes as they come and finds the datagrams in them. Any bytes have a meaning: marks that are not known
 * are passed over, so a newer agent may send more of them. What the stream's end cuts off is lost, as datagrams may be.
 */
export class DatagramDecoder {
  readonly #sink: DatagramSink
  /** The length's first byte, when its second one has not come yet. */
  #firstByte: number | undefined
  /** A datagram of which a part has come. */
  #partial: Buffer | undefined
  #filled = 0
  #found = 0

  constructor(sink: DatagramSink) {
    this.#sink = sink
  }

  /** @param chunk - not to be written to afterwards: datagrams are views of it */
  push(chunk: Buffer): void {
    this.#found = 0
    let at = this.#partial === undefined ? 0 : this.#fill(this.#partial, chunk)
    while (at < chunk.length) at = this.#next(chunk, at)
  }

  /** @returns where the next frame begins */
  #next(chunk: Buffer, at: number): number {
    const first = this.#firstByte ?? chunk[at++]
    const second = chunk[at]
    if (first === undefined || second === undefined) {
      this.#firstByte = first
      return chunk.length
    }
    this.#firstByte = undefined
    return this.#payload(chunk, at + 1, (first << 8) | second)
  }

  #payload(chunk: Buffer, at: number, length: number): number {
    if (length > MAX_LENGTH) {
      if (length === REFUSED) this.#sink.onRefused()
      return at
    }
    const end = at + length
    if (end <= chunk.length) {
      this.#found++
      if (this.#found > MAX_DATAGRAMS_AT_ONCE) this.#sink.onLeftOut?.()
      else this.#sink.onDatagram(chunk.subarray(at, end))
      return end
    }
    this.#partial = Buffer.allocUnsafe(length)
    this.#filled = chunk.copy(this.#partial, 0, at)
    return chunk.length
  }

  #fill(partial: Buffer, chunk: Buffer): number {
    const copied = chunk.copy(partial, this.#filled)
    this.#filled += copied
    if (this.#filled < partial.length) return copied
    this.#partial = undefined
    this.#sink.onDatagram(partial)
    return copied
  }
}
