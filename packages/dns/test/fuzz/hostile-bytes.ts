/** Messages as nobody should send them: good ones that were spoilt, and mere noise. */
import type { SeededRandom } from './random.ts'

/** @param message - its own to change */
type Spoil = (message: Buffer, random: SeededRandom) => Buffer

const HEADER_BYTES = 12

/** An OPT record without options. */
const OPT = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0])

function at(message: Buffer, random: SeededRandom): number {
  return random.below(Math.max(message.length, 1))
}

function poke(message: Buffer, offset: number, bytes: readonly number[]): Buffer {
  for (const [index, byte] of bytes.entries())
    if (offset + index < message.length) message[offset + index] = byte
  return message
}

/** Each damages a message in one way; the message is its own to change. */
const SPOILS: readonly Spoil[] = [
  // Any byte.
  (message, random) => poke(message, at(message, random), [random.below(256)]),
  (message, random) => poke(message, at(message, random), [1 << random.below(8)]),
  // Cut short, or with something behind it.
  (message, random) => message.subarray(0, at(message, random)),
  (message, random) => Buffer.concat([message, random.bytes(random.below(64))]),
  (message) => Buffer.concat([message, message.subarray(HEADER_BYTES)]),
  // Pointers: to themselves, in a circle, forward, beyond the end.
  (message, random) => {
    const offset = at(message, random)
    return poke(message, offset, [0xc0 | (offset >> 8), offset & 255])
  },
  (message, random) => {
    const offset = at(message, random)
    return poke(message, offset, [0xc0, offset + 2, 0xc0, offset & 255])
  },
  (message, random) => poke(message, at(message, random), [0xc0 | random.below(64), random.below(256)]),
  // Labels: too long, of unknown kinds, without an end.
  (message, random) => poke(message, HEADER_BYTES, [random.of([0, 63, 64, 128, 255])]),
  (message, random) =>
    Buffer.concat([
      message.subarray(0, HEADER_BYTES),
      Buffer.alloc(random.below(400), random.of([1, 63, 0x61])),
    ]),
  // Counts: many questions, no question, records that are not there.
  (message, random) => poke(message, 4 + random.below(8), [random.of([0, 1, 2, 255])]),
  (message) => poke(message, 4, [255, 255, 255, 255, 255, 255, 255, 255]),
  // Two OPT records, one behind another's back, one with options that lie about their length.
  (message) => poke(Buffer.concat([message, OPT, OPT]), 10, [0, 2]),
  (message) => poke(Buffer.concat([message, OPT]), 10, [0, 1]),
  (message, random) => {
    const longer = Buffer.concat([message, OPT, random.bytes(8)])
    return poke(poke(longer, 10, [0, 1]), longer.length - 10, [0, 8])
  },
  // Flags, class and type.
  (message, random) => poke(message, 2, [random.below(256), random.below(256)]),
  (message, random) => poke(message, message.length - 4, [0, random.below(256), 0, random.below(256)]),
]

/** A message like `good`, damaged in one way or several; one in eight is noise, and one in eight unharmed. */
export function hostileBytes(good: Buffer, random: SeededRandom): Buffer {
  const kind = random.below(8)
  if (kind === 0) return random.bytes(random.below(random.of([16, 64, 600])))
  let message: Buffer = Buffer.from(good)
  if (kind === 1) return message
  for (let left = 1 + random.below(3); left > 0; left--) message = random.of(SPOILS)(message, random)
  return message
}
