import { endianness } from 'node:os'

/**
 * The number of the ruleset's generation in this process's network namespace: it grows by one with each transaction
 * that anybody commits to nftables, iptables-nft included. `undefined` where it can't be read.
 */
export type ReadGeneration = () => Promise<number | undefined>

/** linux/socket.h, linux/netlink.h */
const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const NETLINK_NETFILTER = 12
const NLM_F_REQUEST = 1
const MSG_DONTWAIT = 0x40
const NETLINK_HEADER_BYTES = 16
const NETFILTER_HEADER_BYTES = 4
const ATTRIBUTE_HEADER_BYTES = 4

/** linux/netfilter/nfnetlink.h and nf_tables.h */
const SUBSYSTEM_NFTABLES = 10 << 8
const NEW_GENERATION = SUBSYSTEM_NFTABLES | 15
const GET_GENERATION = SUBSYSTEM_NFTABLES | 16
const ATTRIBUTE_ID = 1

interface Libc {
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly send: (fd: number, data: Buffer, length: number, flags: number) => number
  readonly recv: (fd: number, data: Buffer, length: number, flags: number) => number
  readonly close: (fd: number) => number
}

/** The number of the generation after that one; the kernel leaves 0 out. */
export function nextGeneration(generation: number): number {
  return (generation + 1) >>> 0 || 1
}

/** Reads from the kernel, through koffi; where that does not work, there is never an answer. */
export function kernelGeneration(): ReadGeneration {
  const loading = loadLibc()
  return async () => {
    const libc = await loading
    return libc === undefined ? undefined : ask(libc)
  }
}

async function loadLibc(): Promise<Libc | undefined> {
  // The numbers in netlink's headers are in the machine's order; all that Node runs on here is little-endian.
  if (endianness() !== 'LE') return undefined
  try {
    const { default: koffi } = await import('koffi')
    const libc = koffi.load(null)
    return {
      socket: libc.func('int socket(int domain, int type, int protocol)') as Libc['socket'],
      send: libc.func('long send(int fd, const void *data, size_t length, int flags)') as Libc['send'],
      recv: libc.func('long recv(int fd, void *data, size_t length, int flags)') as Libc['recv'],
      close: libc.func('int close(int fd)') as Libc['close'],
    }
  } catch {
    // No binary for this platform: the caller has a way without it.
    return undefined
  }
}

/** The kernel answers before `send` returns, so nothing here waits. */
function ask({ socket, send, recv, close }: Libc): number | undefined {
  const fd = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER)
  if (fd < 0) return undefined
  try {
    const request = generationRequest()
    if (send(fd, request, request.length, 0) !== request.length) return undefined
    const answer = Buffer.alloc(4_096)
    const length = recv(fd, answer, answer.length, MSG_DONTWAIT)
    return length > 0 ? generationIn(answer.subarray(0, length)) : undefined
  } finally {
    close(fd)
  }
}

function generationRequest(): Buffer {
  const request = Buffer.alloc(NETLINK_HEADER_BYTES + NETFILTER_HEADER_BYTES)
  request.writeUInt32LE(request.length, 0)
  request.writeUInt16LE(GET_GENERATION, 4)
  request.writeUInt16LE(NLM_F_REQUEST, 6)
  return request
}

/** @returns `undefined` when the answer is an error or tells no generation */
export function generationIn(answer: Buffer): number | undefined {
  if (answer.length < NETLINK_HEADER_BYTES || answer.readUInt16LE(4) !== NEW_GENERATION) return undefined
  const end = Math.min(answer.readUInt32LE(0), answer.length)
  let at = NETLINK_HEADER_BYTES + NETFILTER_HEADER_BYTES
  while (at + 2 * ATTRIBUTE_HEADER_BYTES <= end) {
    const length = answer.readUInt16LE(at)
    if (answer.readUInt16LE(at + 2) === ATTRIBUTE_ID) return answer.readUInt32BE(at + ATTRIBUTE_HEADER_BYTES)
    at += Math.max(ATTRIBUTE_HEADER_BYTES, (length + 3) & ~3)
  }
  return undefined
}
