import { closeSync, constants, openSync } from 'node:fs'
import koffi from 'koffi'

/** Of linux/if_tun.h and linux/if.h. */
const TUNSETIFF = 0x400454ca
const IFF_TAP = 0x0002
const IFF_NO_PI = 0x1000
const IFREQ_BYTES = 40
const FLAGS_OFFSET = 16

/** Of poll.h: `struct pollfd {int fd; short events; short revents}`. */
const POLLFD_BYTES = 8
const POLLIN = 0x001
const POLLERR = 0x008

const libc = koffi.load(null)
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)')
const readInto = libc.func('long read(int fd, void *buffer, size_t bytes)')
const writeFrom = libc.func('long write(int fd, const void *buffer, size_t bytes)')
const ppoll = libc.func('int ppoll(void *fds, unsigned long count, void *timeout, void *signals)')

/**
 * Makes a TAP device that goes with this process. What the kernel sends out of it is read, frame by frame, checksums and
 * segments made (no IFF_VNET_HDR); what is written comes in at it.
 *
 * @returns its descriptor, which does not block
 * @throws {Error} without CAP_NET_ADMIN or /dev/net/tun, and when the name is taken
 */
export function openTap(name: string): number {
  const descriptor = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK)
  const request = Buffer.alloc(IFREQ_BYTES)
  request.write(name, 0, 'ascii')
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, FLAGS_OFFSET)
  if (ioctl(descriptor, TUNSETIFF, request) === 0) return descriptor
  closeSync(descriptor)
  throw new Error(`the kernel refused the TAP device ${name}: errno ${koffi.errno()}`)
}

/** @returns the frame's bytes in `buffer`; nothing (0 or less) when none is there */
export function readFrame(descriptor: number, buffer: Buffer): number {
  return readInto(descriptor, buffer, buffer.length)
}

/** What the kernel can't take is lost, as on a link. */
export function writeFrame(descriptor: number, frame: Buffer): void {
  writeFrom(descriptor, frame, frame.length)
}

/** Waits, holding the thread, for descriptors to become readable: far more exact than a timer of the event loop. */
export class Readiness {
  readonly #fds: Buffer
  readonly #count: number
  readonly #timeout = Buffer.alloc(16)

  constructor(descriptors: readonly number[]) {
    this.#count = descriptors.length
    this.#fds = Buffer.alloc(POLLFD_BYTES * this.#count)
    for (const [index, descriptor] of descriptors.entries()) {
      this.#fds.writeInt32LE(descriptor, index * POLLFD_BYTES)
      this.#fds.writeInt16LE(POLLIN, index * POLLFD_BYTES + 4)
    }
  }

  /** @param timeoutMs - for ever unless given; a fraction counts */
  wait(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) {
      ppoll(this.#fds, this.#count, null, null)
      return
    }
    // Rounded up: what is due is due when it returns.
    const nanoseconds = Math.ceil(Math.max(0, timeoutMs) * 1e6)
    this.#timeout.writeBigInt64LE(BigInt(Math.floor(nanoseconds / 1e9)), 0)
    this.#timeout.writeBigInt64LE(BigInt(nanoseconds % 1e9), 8)
    ppoll(this.#fds, this.#count, this.#timeout, null)
  }

  /** Of the descriptor at that position, after the last wait. */
  readable(index: number): boolean {
    return (this.#revents(index) & POLLIN) !== 0
  }

  /** True once its device is gone. */
  failed(index: number): boolean {
    return (this.#revents(index) & POLLERR) !== 0
  }

  #revents(index: number): number {
    return this.#fds.readInt16LE(index * POLLFD_BYTES + 6)
  }
}
