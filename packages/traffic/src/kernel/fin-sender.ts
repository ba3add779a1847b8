import type { Socket } from 'node:net'
import { descriptorOf } from './descriptor.ts'
import { type Libc, loadLibc } from './libc.ts'
import { type SocketOption, socketOptions } from './socket-options.ts'

/**
 * Sends the FIN of a connection at once, or even with its last bytes. libuv sends it after all else that it has to do in a turn
 * of the loop. By then a client that has what it asked for has ended the connection itself, and keeps its port for a minute
 * (TIME-WAIT, RFC 9293, 3.6.1): with Linux's ports, it could then make 470 connections a second to one Service.
 *
 * All are harmless on a socket that is gone.
 */
export interface FinSender {
  /** Only while nothing waits to be written. @returns false: it is left to `Socket.end` */
  sendFin(socket: Socket): boolean
  /** What is written from here on waits for `uncork` or `sendFin`, as long as it does not fill a segment. */
  cork(socket: Socket): boolean
  uncork(socket: Socket): void
}

/** Leaves it to Node. */
export const NODES_FIN: FinSender = { sendFin: () => false, cork: () => false, uncork: () => {} }

/** linux/socket.h, linux/tcp.h */
const SHUT_WR = 1
const TCP_CORK: SocketOption = { level: 6, name: 3 }

/** By the kernel's own calls, where this machine has koffi; by Node's otherwise. */
export async function loadFinSender(): Promise<FinSender> {
  const libc = await loadLibc()
  return libc === undefined ? NODES_FIN : finSender(libc)
}

function finSender(libc: Libc): FinSender {
  const shutdown = libc.func('int shutdown(int fd, int how)')
  const options = socketOptions(libc)
  return {
    sendFin: (socket) => {
      const fd = descriptorOf(socket)
      return fd !== undefined && shutdown(fd, SHUT_WR) === 0
    },
    cork: (socket) => options.set(socket, TCP_CORK, 1),
    uncork: (socket) => void options.set(socket, TCP_CORK, 0),
  }
}
