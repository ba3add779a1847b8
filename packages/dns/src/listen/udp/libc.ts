/** What has to be undone: a poll handle of koffi, which must not be used after it is closed. */
interface Poll {
  close(): void
}

/**
 * System calls for datagrams, and what koffi adds: the only place of this package that knows koffi. A call that failed
 * returns -1 and leaves its reason in `errno`. Buffers are read and written during the call only.
 */
export interface DatagramCalls {
  readonly socket: (family: number, type: number, protocol: number) => number
  readonly socketpair: (family: number, type: number, protocol: number, descriptors: Buffer) => number
  readonly bind: (descriptor: number, address: Buffer, bytes: number) => number
  readonly getsockname: (descriptor: number, address: Buffer, bytes: Buffer) => number
  readonly recvmmsg: (
    descriptor: number,
    messages: Buffer,
    count: number,
    flags: number,
    timeout: null,
  ) => number
  readonly sendmmsg: (descriptor: number, messages: Buffer, count: number, flags: number) => number
  readonly sendto: (...parameters: [number, Buffer, number, number, Buffer, number]) => number
  /** What the last call that failed left in `errno`. */
  errno(): number
  /** Where `memory` begins, for as long as it exists: memory outside of V8's heap never moves. */
  addressOf(memory: ArrayBuffer): bigint
  /**
   * Calls `readable` in each turn of the event loop in which the descriptor has something to read, or has failed, with
   * the error code of libuv below 0. Runs outside of Node's turn: promises and ticks made there are not looked after
   * before something else happens.
   */
  poll(descriptor: number, readable: (status: number) => void): Poll
}

/** The structures of `datagram-batch.ts` are those of a machine with pointers of that many bytes. */
const POINTER_BYTES = 8

/** @throws {Error} where koffi has no binary for this platform, or its C library lacks a function */
export async function loadDatagramCalls(): Promise<DatagramCalls> {
  const { default: koffi } = await import('koffi')
  if (koffi.sizeof('void *') !== POINTER_BYTES) throw new Error('not a 64-bit platform')
  // What this very process has loaded, so whatever libc it runs on.
  const libc = koffi.load(null)
  const call = 'int fd, void *messages, unsigned int count, int flags'
  return {
    socket: libc.func('int socket(int family, int type, int protocol)') as DatagramCalls['socket'],
    socketpair: libc.func(
      'int socketpair(int family, int type, int protocol, void *fds)',
    ) as DatagramCalls['socketpair'],
    bind: libc.func('int bind(int fd, const void *address, uint32_t bytes)') as DatagramCalls['bind'],
    getsockname: libc.func(
      'int getsockname(int fd, void *address, void *bytes)',
    ) as DatagramCalls['getsockname'],
    recvmmsg: libc.func(`int recvmmsg(${call}, void *timeout)`) as DatagramCalls['recvmmsg'],
    sendmmsg: libc.func(`int sendmmsg(${call})`) as DatagramCalls['sendmmsg'],
    sendto: libc.func(
      'intptr_t sendto(int fd, const void *message, size_t bytes, int flags, const void *address, uint32_t addressBytes)',
    ) as DatagramCalls['sendto'],
    errno: () => koffi.errno(),
    addressOf: (memory) => koffi.address(memory),
    poll(descriptor, readable) {
      // Called with the status before the events that its type tells of.
      const polled = (...[status]: unknown[]): void => readable(typeof status === 'number' ? status : 0)
      return koffi.node.poll(descriptor, { readable: true }, polled)
    },
  }
}
