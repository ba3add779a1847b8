/** Fields of a protobuf message in wire format; see https://protobuf.dev/programming-guides/encoding/. */

const LENGTH_DELIMITED = 2
const VARINT = 0

/** A string or an embedded message. */
export function field(number: number, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes])
}

export function booleanField(number: number, value: boolean): Buffer {
  return Buffer.concat([varint((number << 3) | VARINT), varint(value ? 1 : 0)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return Buffer.from([...bytes, rest])
}
