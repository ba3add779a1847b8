/**
 * Memory for many datagrams with their addresses, laid out as recvmmsg(2) and sendmmsg(2) want it on 64-bit Linux,
 * little-endian. HOT PATH: numbers are written in place, nothing is allocated but the messages that are read.
 *
 * For each slot: struct mmsghdr | struct iovec | struct sockaddr_in6, or the shorter sockaddr_in | the message
 */
import { bytesOf, copySocketAddress, SOCKET_ADDRESS_BYTES, type SocketAddress } from './socket-address.ts'

/** Of struct mmsghdr, and the offsets in it. */
const HEADER_BYTES = 64
const NAME_POINTER = 0
const NAME_BYTES = 8
const VECTOR_POINTER = 16
const VECTOR_COUNT = 24
const MESSAGE_BYTES = 56

/** Of struct iovec: a pointer and a length. */
const VECTOR_BYTES = 16
const VECTOR_LENGTH = 8

/** A sockaddr_in6 has 28 bytes, which are not whole words of 8. */
const NAME_SLOT_BYTES = 32

const WORD_BYTES = 4

/** A number of slots, each for a datagram and its sender or receiver. */
export class DatagramBatch {
  readonly capacity: number
  /** How long a message of a slot may be. */
  readonly slotBytes: number
  readonly #memory: Buffer
  readonly #words: Uint32Array
  readonly #vectors: number
  readonly #names: number
  readonly #messages: number

  /** @param addressOf - where memory begins */
  constructor(capacity: number, slotBytes: number, addressOf: (memory: ArrayBuffer) => bigint) {
    this.capacity = capacity
    this.slotBytes = Math.ceil(slotBytes / WORD_BYTES) * WORD_BYTES
    this.#vectors = capacity * HEADER_BYTES
    this.#names = this.#vectors + capacity * VECTOR_BYTES
    this.#messages = this.#names + capacity * NAME_SLOT_BYTES
    const memory = new ArrayBuffer(this.#messages + capacity * this.slotBytes)
    this.#memory = Buffer.from(memory)
    this.#words = new Uint32Array(memory)
    const base = addressOf(memory)
    for (let slot = 0; slot < capacity; slot++) this.#link(slot, base)
  }

  /** The headers from that of `slot` on: what the system calls take. */
  headersFrom(slot: number): Buffer {
    return slot === 0 ? this.#memory : this.#memory.subarray(slot * HEADER_BYTES)
  }

  /** A copy of the message that was received in `slot`: who works on it may keep it. */
  message(slot: number): Buffer {
    const bytes = this.#words[(slot * HEADER_BYTES + MESSAGE_BYTES) / WORD_BYTES] ?? 0
    const start = this.#messages + slot * this.slotBytes
    const message = Buffer.allocUnsafe(bytes)
    this.#memory.copy(message, 0, start, start + bytes)
    return message
  }

  /** Where the message in `slot` came from: valid until the next receive. */
  sender(slot: number): SocketAddress {
    return { words: this.#words, offset: this.#nameOf(slot) }
  }

  /** Lays a message of at most `slotBytes` into `slot`, for sendmmsg(2). */
  lay(slot: number, message: Uint8Array, to?: SocketAddress): void {
    this.#memory.set(message, this.#messages + slot * this.slotBytes)
    this.#put(this.#vectors + slot * VECTOR_BYTES + VECTOR_LENGTH, message.length)
    this.#put(slot * HEADER_BYTES + NAME_BYTES, to === undefined ? 0 : bytesOf(to))
    if (to !== undefined) copySocketAddress(to, this.sender(slot))
  }

  #nameOf(slot: number): number {
    return (this.#names + slot * NAME_SLOT_BYTES) / WORD_BYTES
  }

  /**
   * Says where address and message are, and how much room there is for recvmmsg(2). That writes back how long an address
   * is; all addresses of a socket are of one length, so it need not be said again.
   */
  #link(slot: number, base: bigint): void {
    const header = slot * HEADER_BYTES
    const vector = this.#vectors + slot * VECTOR_BYTES
    this.#memory.writeBigUInt64LE(base + BigInt(this.#nameOf(slot) * WORD_BYTES), header + NAME_POINTER)
    this.#memory.writeBigUInt64LE(base + BigInt(vector), header + VECTOR_POINTER)
    this.#put(header + NAME_BYTES, SOCKET_ADDRESS_BYTES)
    this.#put(header + VECTOR_COUNT, 1)
    this.#put(vector + VECTOR_LENGTH, this.slotBytes)
    this.#memory.writeBigUInt64LE(base + BigInt(this.#messages + slot * this.slotBytes), vector)
  }

  #put(offset: number, value: number): void {
    this.#words[offset / WORD_BYTES] = value
  }
}
