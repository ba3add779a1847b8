import { LOWER } from './char-classes.ts'

/** Fields that say something to us, as bits, so that several are told by one number. */
export const FIELD = {
  host: 1,
  contentLength: 1 << 1,
  transferEncoding: 1 << 2,
  connection: 1 << 3,
  keepAlive: 1 << 4,
  proxyConnection: 1 << 5,
  te: 1 << 6,
  upgrade: 1 << 7,
  http2Settings: 1 << 8,
  expect: 1 << 9,
  trailer: 1 << 10,
  forwardedFor: 1 << 11,
  forwarded: 1 << 12,
  /** What gateways that make variables of names take for a framing field: an underscore stands for the hyphen. */
  framingLookalike: 1 << 13,
} as const

interface KnownField {
  readonly name: string
  readonly bit: number
}

const KNOWN: readonly KnownField[] = [
  { name: 'host', bit: FIELD.host },
  { name: 'content-length', bit: FIELD.contentLength },
  { name: 'transfer-encoding', bit: FIELD.transferEncoding },
  { name: 'connection', bit: FIELD.connection },
  { name: 'keep-alive', bit: FIELD.keepAlive },
  { name: 'proxy-connection', bit: FIELD.proxyConnection },
  { name: 'te', bit: FIELD.te },
  { name: 'upgrade', bit: FIELD.upgrade },
  { name: 'http2-settings', bit: FIELD.http2Settings },
  { name: 'expect', bit: FIELD.expect },
  { name: 'trailer', bit: FIELD.trailer },
  { name: 'x-forwarded-for', bit: FIELD.forwardedFor },
  { name: 'forwarded', bit: FIELD.forwarded },
  { name: 'content_length', bit: FIELD.framingLookalike },
  { name: 'transfer_encoding', bit: FIELD.framingLookalike },
]

const LONGEST = 17
const NONE: readonly KnownField[] = []
const BY_LENGTH = Array.from({ length: LONGEST + 1 }, (_, length) =>
  KNOWN.filter(({ name }) => name.length === length),
)

/** @returns its bit of `FIELD`, 0 for any other field */
export function knownField(text: string, start: number, end: number): number {
  const sameLength = BY_LENGTH[end - start] ?? NONE
  for (const { name, bit } of sameLength) {
    if (hasNameAt(text, start, name)) return bit
  }
  return 0
}

/** @param name - in lower case; any case will do in the text */
export function hasNameAt(text: string, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (LOWER[text.charCodeAt(start + index)] !== name.charCodeAt(index)) return false
  }
  return true
}
