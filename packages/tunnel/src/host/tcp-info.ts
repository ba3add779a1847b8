import type { Connection } from '@libp2p/interface'
import { socketFdOf } from './connection-parts.ts'

/** What the kernel has counted of one TCP connection since it began, on this side. */
export interface TcpCounts {
  /** Segments with data, those that were sent again included. */
  readonly sent: number
  readonly sentAgain: number
  /** Bytes that the other side's kernel has acknowledged, read by its process or not. */
  readonly acknowledgedBytes: number
  /** Whether it has acknowledged all that was written here. */
  readonly isAllAcknowledged: boolean
}

/** linux/in.h and linux/tcp.h */
const IPPROTO_TCP = 6
const TCP_INFO = 11
/** Offsets in `struct tcp_info` of linux/tcp.h, to which the kernel only ever appends; the last one is of Linux 4.6. */
const UNACKED = 24
const TOTAL_RETRANS = 100
const BYTES_ACKED = 120
const NOTSENT_BYTES = 144
const DATA_SEGS_OUT = 156
const NEEDED_BYTES = DATA_SEGS_OUT + 4

/** File descriptor, level, name; value and its length. */
type GetSocketOption = (...parameters: (number | Buffer)[]) => number

/** Asks the kernel about TCP connections. The C library is loaded at the first question: it takes some MiB. */
export class TcpInfo {
  #getSocketOption: GetSocketOption | undefined
  #loading: Promise<void> | undefined

  /** @returns `undefined` where the connection has no TCP socket of its own, and until the C library is loaded */
  read(connection: Connection): TcpCounts | undefined {
    this.#loading ??= this.#load()
    const fd = socketFdOf(connection)
    if (this.#getSocketOption === undefined || fd === undefined) return undefined
    const value = Buffer.alloc(NEEDED_BYTES)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(NEEDED_BYTES)
    const failed = this.#getSocketOption(fd, IPPROTO_TCP, TCP_INFO, value, length) !== 0
    if (failed || length.readUInt32LE() < NEEDED_BYTES) return undefined
    return {
      sent: value.readUInt32LE(DATA_SEGS_OUT),
      sentAgain: value.readUInt32LE(TOTAL_RETRANS),
      acknowledgedBytes: Number(value.readBigUInt64LE(BYTES_ACKED)),
      isAllAcknowledged: value.readUInt32LE(UNACKED) === 0 && value.readUInt32LE(NOTSENT_BYTES) === 0,
    }
  }

  /** Resolves when the C library is loaded, or can't be. */
  async loaded(): Promise<void> {
    this.#loading ??= this.#load()
    await this.#loading
  }

  async #load(): Promise<void> {
    try {
      const { default: koffi } = await import('koffi')
      const prototype = 'int getsockopt(int fd, int level, int name, void *value, void *length)'
      this.#getSocketOption = koffi.load(null).func(prototype) as GetSocketOption
    } catch {
      // No binary for this platform: loss stays unknown.
    }
  }
}
