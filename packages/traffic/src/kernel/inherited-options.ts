import type { Server } from 'node:net'
import { KEEP_ALIVE_OPTIONS } from './keep-alive.ts'
import { BUFFER_LIMITS } from './kernel-buffers.ts'
import type { SocketOption, SocketOptions } from './socket-options.ts'

/**
 * Sets at a server what the connections that it accepts are to have: the kernel makes them as copies of the listening socket
 * (`tcp_create_openreq_child` in net/ipv4/tcp_minisocks.c), so that each gets it without a call of its own.
 *
 * @returns false: each connection has to be given what `listenTcp` gives
 */
export type PrepareServer = (server: Server) => boolean

/** linux/tcp.h */
const NO_DELAY: SocketOption = { level: 6, name: 1 }

/** No delay of small writes, probes of silent connections, and small buffers of the kernel as far as it lets us. */
export function serverPreparer(options: Pick<SocketOptions, 'set'>): PrepareServer {
  return (server) => {
    for (const [option, value] of BUFFER_LIMITS) options.set(server, option, value)
    if (!options.set(server, NO_DELAY, 1)) return false
    return KEEP_ALIVE_OPTIONS.every(([option, value]) => options.set(server, option, value))
  }
}
