import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { SystemCallError } from '../../errors.ts'
import type { DatagramBatch } from './datagram-batch.ts'
import type { DatagramCalls } from './libc.ts'
import {
  bytesOf,
  encodeSocketAddress,
  familyOf,
  portIn,
  SOCKET_ADDRESS_BYTES,
  type SocketAddress,
} from './socket-address.ts'

/** Of asm-generic: x86-64 and arm64. */
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000

const { errno: ERRNO } = constants

/** Nothing is there, memory is short for a moment, or the network told of a datagram that was sent: reading goes on. */
const PASSING: ReadonlySet<number> = new Set([
  ERRNO.EAGAIN,
  ERRNO.EINTR,
  ERRNO.ENOBUFS,
  ERRNO.ENOMEM,
  ERRNO.ECONNREFUSED,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENETUNREACH,
  ERRNO.ENETDOWN,
  ERRNO.EMSGSIZE,
])

/** A bound UDP socket, read and written by batches. Never blocks. HOT PATH. */
export class DatagramSocket {
  readonly #calls: DatagramCalls
  readonly #descriptor: number
  #poll: { close(): void } | undefined
  #isClosed = false

  private constructor(calls: DatagramCalls, descriptor: number) {
    this.#calls = calls
    this.#descriptor = descriptor
  }

  /** @throws {SystemCallError} when the address can't be bound */
  static bind(ip: string, port: number, calls: DatagramCalls): DatagramSocket {
    const descriptor = calls.socket(familyOf(ip), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (descriptor < 0) throw new SystemCallError('socket', calls.errno())
    const address = encodeSocketAddress(ip, port)
    if (calls.bind(descriptor, address, address.length) !== 0) {
      const error = new SystemCallError('bind', calls.errno())
      closeSync(descriptor)
      throw error
    }
    return new DatagramSocket(calls, descriptor)
  }

  /** Where it is bound. */
  get port(): number {
    const address = Buffer.alloc(SOCKET_ADDRESS_BYTES)
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(address.length)
    if (this.#calls.getsockname(this.#descriptor, address, bytes) !== 0)
      throw new SystemCallError('getsockname', this.#calls.errno())
    return portIn(address)
  }

  /** Calls `readable` as `DatagramCalls.poll` does, until `unfollow` or `close`. */
  follow(readable: (status: number) => void): void {
    this.#poll = this.#calls.poll(this.#descriptor, readable)
  }

  unfollow(): void {
    this.#poll?.close()
    this.#poll = undefined
  }

  /**
   * Reads what is there into `batch`, from its first slot on. What a slot has no room for is cut off.
   *
   * @returns how many datagrams
   * @throws {SystemCallError} when the socket is broken
   */
  receive(batch: DatagramBatch): number {
    const count = this.#calls.recvmmsg(this.#descriptor, batch.headersFrom(0), batch.capacity, 0, null)
    if (count >= 0) return count
    const errno = this.#calls.errno()
    if (PASSING.has(errno)) return 0
    throw new SystemCallError('recvmmsg', errno)
  }

  /**
   * Sends the first `count` slots of `batch`.
   *
   * @returns how many the kernel did not take, e.g. since its buffer is full
   */
  send(batch: DatagramBatch, count: number): number {
    let failed = 0
    for (let slot = 0; slot < count; ) {
      const sent = this.#calls.sendmmsg(this.#descriptor, batch.headersFrom(slot), count - slot, 0)
      // It ends at the first that fails, and says so when that is the first of all.
      if (sent < 1) failed++
      slot += Math.max(sent, 1)
    }
    return failed
  }

  /** @returns whether the kernel took it */
  sendOne(message: Buffer, { words, offset }: SocketAddress): boolean {
    const length = bytesOf({ words, offset })
    const address = Buffer.from(words.buffer, words.byteOffset + 4 * offset, length)
    return this.#calls.sendto(this.#descriptor, message, message.length, 0, address, length) >= 0
  }

  /** May happen twice; afterwards it must not be used. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.unfollow()
    closeSync(this.#descriptor)
  }
}
