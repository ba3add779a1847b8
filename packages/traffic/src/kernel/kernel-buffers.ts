import { Socket } from 'node:net'
import type { Dialer, DialTarget, EndpointConnection } from '@edgeway/core'
import type { OptionValue, SocketOption, SocketOptions } from './socket-options.ts'

/** Keeps small what the kernel holds of a connection that one end does not read. */
export type LimitBuffers = (socket: Socket) => void

/** asm-generic/socket.h; unlike SO_RCVBUF not capped by net.core.rmem_max, needs CAP_NET_ADMIN. */
const RECEIVE_BUFFER_FORCE: SocketOption = { level: 1, name: 33 }
/** linux/in.h, linux/tcp.h */
const NOT_SENT_LOW_WATER: SocketOption = { level: 6, name: 25 }

/** The kernel doubles it for its bookkeeping. Ample for a pod of this node, whose round trip is far below 1 ms. */
const RECEIVE_BUFFER_BYTES = 256 * 1024
const NOT_SENT_BYTES = 256 * 1024

/** What a socket is set to whose buffers are to stay small. */
export const BUFFER_LIMITS: readonly OptionValue[] = [
  [RECEIVE_BUFFER_FORCE, RECEIVE_BUFFER_BYTES],
  [NOT_SENT_LOW_WATER, NOT_SENT_BYTES],
]

/**
 * By itself the kernel lets both buffers of a fast connection grow to megabytes (`net.ipv4.tcp_rmem`, `tcp_wmem`), for
 * long round trips. Pods of this node have none, and thousands of stopped flows would fill the node's memory.
 */
export function bufferLimiter(options: Pick<SocketOptions, 'set'>): LimitBuffers {
  return (socket) => {
    for (const [option, value] of BUFFER_LIMITS) options.set(socket, option, value)
  }
}

/** Limits the buffers of connections to this node's own pods. */
export class BufferLimitingDialer implements Dialer {
  readonly #dialer: Dialer
  readonly #limit: LimitBuffers

  constructor(dialer: Dialer, limit: LimitBuffers) {
    this.#dialer = dialer
    this.#limit = limit
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<EndpointConnection> {
    const connection = await this.#dialer.dial(target, signal)
    if (connection.path === 'local' && connection.stream instanceof Socket) this.#limit(connection.stream)
    return connection
  }
}
