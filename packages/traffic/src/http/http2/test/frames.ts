/** Frames of HTTP/2 as bytes, right and wrong ones (RFC 9113, 4.1). */

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

export const END_STREAM = 0x1
export const ACK = 0x1
export const END_HEADERS = 0x4
export const PADDED = 0x8
export const WITH_PRIORITY = 0x20

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

type FrameRest = [stream: number, payload?: Buffer | readonly number[]]

export function frame(type: number, flags: number, ...[stream, payload = []]: FrameRest): Buffer {
  const bytes = Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(bytes.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream >>> 0, 5)
  return Buffer.concat([head, bytes])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** One setting: id and value. */
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id)
  bytes.writeUInt32BE(value >>> 0, 2)
  return bytes
}

export type FieldLines = readonly (readonly [string, string])[]

/** Literals without indexing, without Huffman (RFC 7541, 6.2.2); no text longer than 16 KiB. */
export function fieldBlock(lines: FieldLines): Buffer {
  return Buffer.concat(
    lines.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])),
  )
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const rest = bytes.length - 127
  const length = rest < 128 ? [127, rest] : [127, (rest & 0x7f) | 0x80, rest >> 7]
  return Buffer.concat([Buffer.from(length), bytes])
}

export const GET: FieldLines = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'api.shop'],
  [':path', '/'],
]

export const POST: FieldLines = [[':method', 'POST'], ...GET.slice(1)]

export function headers(stream: number, flags: number, lines: FieldLines = GET): Buffer {
  return frame(HEADERS, flags, stream, fieldBlock(lines))
}

/** A whole request without a body. */
export function request(stream: number, lines: FieldLines = GET): Buffer {
  return headers(stream, END_HEADERS | END_STREAM, lines)
}

/** Takes frames out of bytes as they come. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0)

  read(bytes: Buffer): Frame[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    const frames: Frame[] = []
    for (;;) {
      if (this.#bytes.length < 9) return frames
      const end = 9 + this.#bytes.readUIntBE(0, 3)
      if (this.#bytes.length < end) return frames
      const [type = 0, flags = 0] = this.#bytes.subarray(3, 5)
      const stream = this.#bytes.readUInt32BE(5) & 0x7fffffff
      frames.push({ type, flags, stream, payload: this.#bytes.subarray(9, end) })
      this.#bytes = this.#bytes.subarray(end)
    }
  }
}
