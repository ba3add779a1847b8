import { constants } from 'node:os'
import type { Libc } from '../kernel/libc.ts'

/** A result below 0 is the error: -errno. */
export interface SpliceCalls {
  /** Moves bytes between a socket and a pipe without copying; never waits. @returns how many; 0 at the end */
  splice(from: number, to: number, maxBytes: number): number
  /** @returns undefined when there are no descriptors left */
  pipe(byteCount: number): Pipe | undefined
  read(fd: number, into: Buffer): number
  write(fd: number, bytes: Buffer): number
  /** Reads bytes of a TCP connection without keeping them. */
  discard(fd: number, maxBytes: number): number
  shutdownWrite(fd: number): number
  close(fd: number): void
  /** Closes a TCP connection with RST. */
  reset(fd: number): void
  /** A second descriptor for the same connection, not passed on to child processes. */
  duplicate(fd: number): number
}

export interface Pipe {
  readonly readFd: number
  readonly writeFd: number
}

/** linux/splice.h: SPLICE_F_MOVE | SPLICE_F_NONBLOCK */
const SPLICE_FLAGS = 3
/** asm-generic/fcntl.h: O_NONBLOCK | O_CLOEXEC, the same on x86-64 and arm64 */
const PIPE_FLAGS = 0o4000 | 0o2000000
const F_SETPIPE_SZ = 1031
const F_DUPFD_CLOEXEC = 1030
/** linux/socket.h: MSG_TRUNC | MSG_DONTWAIT */
const DISCARD_FLAGS = 0x20 | 0x40
const SHUT_WR = 1
/** SOL_SOCKET, SO_LINGER: on, for 0 s */
const SOL_SOCKET = 1
const SO_LINGER = 13

export const EAGAIN: number = -constants.errno.EAGAIN
export const EPIPE: number = -constants.errno.EPIPE

/** @throws {Error} when this C library lacks one of them, so on anything but Linux */
export function spliceCalls(libc: Libc): SpliceCalls {
  const splice = libc.func(
    'long splice(int in, void *a, int out, void *b, size_t length, unsigned int flags)',
  )
  const pipe2 = libc.func('int pipe2(void *fds, int flags)')
  const fcntl = libc.func('int fcntl(int fd, int command, int value)')
  const read = libc.func('long read(int fd, void *into, size_t length)')
  const write = libc.func('long write(int fd, const void *bytes, size_t length)')
  const recv = libc.func('long recv(int fd, void *into, size_t length, int flags)')
  const shutdown = libc.func('int shutdown(int fd, int how)')
  const close = libc.func('int close(int fd)')
  const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *v, uint32_t n)')
  const checked = (result: number): number => (result < 0 ? -libc.errno() : result)
  const fds = Buffer.alloc(8)
  const noLinger = Buffer.from(Int32Array.of(1, 0).buffer)
  return {
    splice: (from, to, maxBytes) => checked(splice(from, null, to, null, maxBytes, SPLICE_FLAGS)),
    pipe: (byteCount) => {
      if (pipe2(fds, PIPE_FLAGS) < 0) return undefined
      const pipe = { readFd: fds.readInt32LE(0), writeFd: fds.readInt32LE(4) }
      // The kernel may refuse (pipe-user-pages-soft in pipe(7)); its 64 KiB will do then.
      fcntl(pipe.writeFd, F_SETPIPE_SZ, byteCount)
      return pipe
    },
    read: (fd, into) => checked(read(fd, into, into.length)),
    write: (fd, bytes) => checked(write(fd, bytes, bytes.length)),
    discard: (fd, maxBytes) => checked(recv(fd, null, maxBytes, DISCARD_FLAGS)),
    shutdownWrite: (fd) => checked(shutdown(fd, SHUT_WR)),
    close: (fd) => void close(fd),
    reset: (fd) => {
      setsockopt(fd, SOL_SOCKET, SO_LINGER, noLinger, noLinger.length)
      close(fd)
    },
    duplicate: (fd) => checked(fcntl(fd, F_DUPFD_CLOEXEC, 0)),
  }
}
