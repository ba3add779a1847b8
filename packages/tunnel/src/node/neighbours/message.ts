import dnsPacket, { type Answer, type Question } from 'dns-packet'
import { ProtocolError } from '../../errors.ts'

/**
 * The codec border of multicast DNS (RFC 6762): bytes of strangers become a message or nothing. The only user of
 * `dns-packet` in this package, which writes messages but reads none: it takes a TXT record that is cut off for whole, loses the
 * bounds between labels that contain dots, and 2 MB of memory to a header that counts 65,535 records of each kind.
 */

export interface MdnsQuestion {
  /** In its case; compared without it. */
  readonly name: string
  readonly type: number
  /** The one who asks would rather be answered alone (RFC 6762 section 5.4). */
  readonly isUnicastWanted: boolean
}

export interface MdnsRecord {
  readonly name: string
  readonly type: number
  readonly ttlSeconds: number
  readonly data: MdnsData
}

export type MdnsData =
  | { readonly kind: 'PTR'; readonly target: string }
  | { readonly kind: 'SRV'; readonly port: number; readonly target: string }
  | { readonly kind: 'TXT'; readonly texts: readonly string[] }
  | { readonly kind: 'other' }

export interface MdnsMessage {
  readonly id: number
  readonly isResponse: boolean
  readonly questions: readonly MdnsQuestion[]
  /** Of a query: what the one who asks knows already. */
  readonly answers: readonly MdnsRecord[]
  readonly additionals: readonly MdnsRecord[]
}

export const TYPE = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47, ANY: 255 } as const
export const TYPE_NAMES = ['A', 'PTR', 'TXT', 'AAAA', 'SRV', 'NSEC', 'ANY'] as const
const CLASS_IN = 1
const CLASS_ANY = 255
/** In a question: answer by unicast; in a record: others of this name and type are out of date. */
const TOP_BIT = 0x80_00

/** One frame of an Ethernet; ours have a third of it. */
export const MAX_MESSAGE_BYTES = 1_500
const HEADER_BYTES = 12
const FLAG_RESPONSE = 0x80_00
/** Both must be 0, or the message is ignored (RFC 6762 sections 18.3 and 18.11). */
const OPCODE_AND_RCODE = 0x78_0f
const MIN_QUESTION_BYTES = 5
const MIN_RECORD_BYTES = 11
const MAX_NAME_BYTES = 255
const MAX_LABEL_BYTES = 63
const POINTER = 0xc0
/** Of one name; a message of ours has none. */
const MAX_JUMPS = 16

/** @returns `undefined` for what is no message of multicast DNS; never throws, in time and memory bounded by the length */
export function decodeMessage(bytes: Buffer): MdnsMessage | undefined {
  if (bytes.length > MAX_MESSAGE_BYTES) return undefined
  try {
    return readMessage(new Reader(bytes))
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

export type OwnAnswer = Answer

/** What this node says. */
export interface OwnMessage {
  readonly type: 'query' | 'response'
  readonly id?: number
  readonly questions?: readonly OwnQuestion[]
  readonly answers?: readonly OwnAnswer[]
  readonly additionals?: readonly OwnAnswer[]
}

export interface OwnQuestion {
  readonly name: string
  readonly type: (typeof TYPE_NAMES)[number]
}

export function encodeMessage({
  questions = [],
  answers = [],
  additionals = [],
  ...head
}: OwnMessage): Buffer {
  return dnsPacket.encode({
    ...head,
    flags: head.type === 'response' ? dnsPacket.AUTHORITATIVE_ANSWER : 0,
    // The package knows the type ANY, too; its types don't.
    questions: questions.map((question) => question as Question),
    ...{ answers: [...answers], additionals: [...additionals] },
  })
}

function readMessage(reader: Reader): MdnsMessage | undefined {
  const [id, flags] = [reader.uint16(), reader.uint16()]
  const [questions, answers, authorities, additionals] = [
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
  ]
  if ((flags & OPCODE_AND_RCODE) !== 0) return undefined
  const leastBytes = questions * MIN_QUESTION_BYTES + (answers + authorities + additionals) * MIN_RECORD_BYTES
  if (leastBytes > reader.left) return undefined
  const read = {
    ...{ id, isResponse: (flags & FLAG_RESPONSE) !== 0 },
    questions: times(questions, () => reader.question()),
    answers: times(answers, () => reader.record()),
  }
  times(authorities, () => reader.record())
  return { ...read, additionals: times(additionals, () => reader.record()) }
}

/** Those of another class are left out. */
function times<T>(count: number, read: () => T | undefined): T[] {
  const all: T[] = []
  for (let index = 0; index < count; index++) {
    const each = read()
    if (each !== undefined) all.push(each)
  }
  return all
}

/** Every read that leads out of the message throws a ProtocolError. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    if (bytes.length < HEADER_BYTES) throw new ProtocolError('the header is cut off')
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  uint16(): number {
    this.#skip(2)
    return this.#bytes.readUInt16BE(this.#at - 2)
  }

  question(): MdnsQuestion | undefined {
    const name = this.#name()
    const [type, klass] = [this.uint16(), this.uint16()]
    if (!isInternet(klass)) return undefined
    return { name, type, isUnicastWanted: (klass & TOP_BIT) !== 0 }
  }

  record(): MdnsRecord | undefined {
    const name = this.#name()
    const [type, klass] = [this.uint16(), this.uint16()]
    this.#skip(4)
    const ttlSeconds = this.#bytes.readUInt32BE(this.#at - 4)
    const end = this.uint16() + this.#at
    if (end > this.#bytes.length) throw new ProtocolError('a record is cut off')
    const data = isInternet(klass) ? this.#data(type, end) : undefined
    if (this.#at > end) throw new ProtocolError('the data of a record are longer than they say')
    this.#at = end
    return data === undefined ? undefined : { name, type, ttlSeconds, data }
  }

  #data(type: number, end: number): MdnsData {
    if (type === TYPE.PTR) return { kind: 'PTR', target: this.#name() }
    if (type === TYPE.TXT) return { kind: 'TXT', texts: this.#texts(end) }
    if (type !== TYPE.SRV) return { kind: 'other' }
    // Priority and weight: there is but one.
    this.#skip(4)
    return { kind: 'SRV', port: this.uint16(), target: this.#name() }
  }

  #texts(end: number): string[] {
    const texts: string[] = []
    while (this.#at < end) {
      this.#skip(1)
      const length = this.#bytes.readUInt8(this.#at - 1)
      this.#skip(length)
      texts.push(this.#bytes.toString('latin1', this.#at - length, this.#at))
    }
    return texts
  }

  #name(): string {
    const { labels, end } = readName(this.#bytes, this.#at)
    this.#at = end
    // A dot within a label is none between two; no name of ours has one.
    return labels.map((label) => label.replaceAll('.', '\\.')).join('.')
  }

  #skip(bytes: number): void {
    if (this.left < bytes) throw new ProtocolError('the message is cut off')
    this.#at += bytes
  }
}

/**
 * The labels of the name at that offset, and where what follows it begins.
 *
 * @throws {ProtocolError} when it is malformed
 */
function readName(bytes: Buffer, offset: number): { readonly labels: string[]; readonly end: number } {
  const labels: string[] = []
  let [at, jumps, nameBytes] = [offset, 0, 1]
  let end: number | undefined
  for (let length = byteAt(bytes, at); length > 0; length = byteAt(bytes, at)) {
    if (length >= POINTER) {
      end ??= at + 2
      at = targetOf(bytes, { at, jumps })
      jumps++
    } else {
      labels.push(labelAt(bytes, at))
      at += length + 1
      nameBytes += length + 1
    }
    if (nameBytes > MAX_NAME_BYTES) throw new ProtocolError('a name is too long')
  }
  return { labels, end: end ?? at + 1 }
}

function labelAt(bytes: Buffer, offset: number): string {
  const length = byteAt(bytes, offset)
  if (length > MAX_LABEL_BYTES) throw new ProtocolError('a label is too long')
  if (offset + 1 + length > bytes.length) throw new ProtocolError('a name is cut off')
  return bytes.toString('latin1', offset + 1, offset + 1 + length)
}

/** A pointer leads to what stands before it (RFC 1035 section 4.1.4), so following it ends. */
function targetOf(bytes: Buffer, { at, jumps }: { readonly at: number; readonly jumps: number }): number {
  const target = ((byteAt(bytes, at) & ~POINTER) << 8) | byteAt(bytes, at + 1)
  if (target >= at || jumps >= MAX_JUMPS) throw new ProtocolError('a name leads nowhere')
  return target
}

function byteAt(bytes: Buffer, offset: number): number {
  if (offset >= bytes.length) throw new ProtocolError('a name is cut off')
  return bytes.readUInt8(offset)
}

function isInternet(klass: number): boolean {
  const plain = klass & ~TOP_BIT
  return plain === CLASS_IN || plain === CLASS_ANY
}
