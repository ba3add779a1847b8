import { arch, constants } from 'node:os'
import type { Libc } from '../kernel/libc.ts'

/** sys/epoll.h */
const EPOLLIN = 0x001
const EPOLLOUT = 0x004
const EPOLLERR = 0x008
const EPOLLHUP = 0x010
const EPOLLRDHUP = 0x2000
const EPOLLET = 0x80000000
const EPOLL_CLOEXEC = 0o2000000
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2

/** struct epoll_event is packed on x86-64 only. */
const EVENT = arch() === 'x64' ? { bytes: 12, data: 4 } : { bytes: 16, data: 8 }
const MAX_EVENTS = 256

/** What has become possible for a descriptor since it was last told. */
export interface Readiness {
  /** Two numbers that the descriptor was added with. */
  readonly key: number
  readonly generation: number
  readonly readable: boolean
  readonly writable: boolean
  /** The connection has failed. */
  readonly failed: boolean
}

/** epoll(7), edge-triggered but for `addLevel`: who is told reads, or writes, until the kernel says EAGAIN. */
export class Epoll {
  readonly #fd: number
  readonly #libc: Libc
  readonly #ctl: ReturnType<Libc['func']>
  readonly #wait: ReturnType<Libc['func']>
  readonly #close: ReturnType<Libc['func']>
  readonly #event = Buffer.alloc(EVENT.bytes)
  readonly #events = Buffer.alloc(EVENT.bytes * MAX_EVENTS)

  /** @throws {Error} without descriptors left, or where there is no epoll */
  constructor(libc: Libc) {
    const create = libc.func('int epoll_create1(int flags)')
    this.#ctl = libc.func('int epoll_ctl(int epfd, int op, int fd, const void *event)')
    this.#wait = libc.func('int epoll_wait(int epfd, void *events, int max, int timeout)')
    this.#close = libc.func('int close(int fd)')
    this.#libc = libc
    this.#fd = create(EPOLL_CLOEXEC)
    if (this.#fd < 0) throw new Error(`epoll_create1: errno ${libc.errno()}`)
  }

  /** @returns false when the kernel refuses */
  add(fd: number, key: number, generation: number): boolean {
    return this.#add(fd, { flags: EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, key, generation })
  }

  /** Tells again and again while there is something to read. */
  addLevel(fd: number, key: number): boolean {
    return this.#add(fd, { flags: EPOLLIN, key, generation: 0 })
  }

  remove(fd: number): void {
    this.#ctl(this.#fd, EPOLL_CTL_DEL, fd, this.#event)
  }

  /** Waits for at most `timeoutMs`, and calls `each` in turn. */
  wait(timeoutMs: number, each: (readiness: Readiness) => void): void {
    const count = this.#wait(this.#fd, this.#events, MAX_EVENTS, timeoutMs)
    if (count < 0 && this.#libc.errno() !== constants.errno.EINTR)
      throw new Error(`epoll_wait: errno ${this.#libc.errno()}`)
    for (let i = 0; i < count; i++) {
      const flags = this.#events.readUInt32LE(i * EVENT.bytes)
      const data = i * EVENT.bytes + EVENT.data
      each({
        key: this.#events.readUInt32LE(data),
        generation: this.#events.readUInt32LE(data + 4),
        readable: (flags & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0,
        writable: (flags & (EPOLLOUT | EPOLLHUP | EPOLLERR)) !== 0,
        failed: (flags & EPOLLERR) !== 0,
      })
    }
  }

  close(): void {
    this.#close(this.#fd)
  }

  #add(fd: number, { flags, key, generation }: { flags: number; key: number; generation: number }): boolean {
    this.#event.writeUInt32LE(flags >>> 0, 0)
    this.#event.writeUInt32LE(key, EVENT.data)
    this.#event.writeUInt32LE(generation, EVENT.data + 4)
    return this.#ctl(this.#fd, EPOLL_CTL_ADD, fd, this.#event) === 0
  }
}
