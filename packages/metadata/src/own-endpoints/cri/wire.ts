import { PodRuntimeError } from '../pod-runtime.ts'

/**
 * The part of protobuf's wire format that the runtime's answers take: nested messages, text, whole numbers.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
const VARINT = 0
const FIXED_64 = 1
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** 64 bits in groups of 7. */
const MAX_VARINT_BYTES = 10

/** A message that was received. What is absent has its type's default, as in proto3. */
export class WireMessage {
  readonly #fields = new Map<number, (number | Buffer)[]>()

  /** @throws {PodRuntimeError} when the bytes are no message */
  constructor(bytes: Buffer) {
    const reader = new WireReader(bytes)
    while (!reader.isAtEnd) {
      const tag = reader.varint()
      const value = reader.value(tag % 8)
      const field = Math.floor(tag / 8)
      const values = this.#fields.get(field)
      if (values === undefined) this.#fields.set(field, [value])
      else values.push(value)
    }
  }

  /** Whole numbers above 2^53 lose their last digits. */
  number(field: number): number {
    const value = this.#fields.get(field)?.at(-1)
    return typeof value === 'number' ? value : 0
  }

  string(field: number): string {
    const value = this.#fields.get(field)?.at(-1)
    return typeof value === 'object' ? value.toString('utf8') : ''
  }

  message(field: number): WireMessage {
    return this.messages(field).at(-1) ?? new WireMessage(Buffer.alloc(0))
  }

  messages(field: number): WireMessage[] {
    const values = this.#fields.get(field) ?? []
    return values.filter((value) => typeof value === 'object').map((value) => new WireMessage(value))
  }
}

class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): number {
    let value = 0
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return value
    }
    throw malformed()
  }

  value(type: number): number | Buffer {
    if (type === VARINT) return this.varint()
    if (type === LENGTH_DELIMITED) return this.#take(this.varint())
    // Not among the fields that are asked for: passed over.
    if (type === FIXED_64) return this.#take(8)
    if (type === FIXED_32) return this.#take(4)
    throw malformed()
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed()
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

function malformed(): PodRuntimeError {
  return new PodRuntimeError('the runtime answered with something that is no protobuf message')
}

/** A field with a nested message, a text, or a whole number from 0 to 2^31-1. */
export function encodeField(field: number, value: Buffer | string | number): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(field * 8 + VARINT), varint(value)])
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(field * 8 + LENGTH_DELIMITED), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
