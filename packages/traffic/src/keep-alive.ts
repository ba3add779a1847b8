import type { Socket } from 'node:net'

/**
 * The kernel's own spacing and number of probes (tcp(7)). Node's would be ten, a second apart: each idle connection would
 * die with a link that is away for 10 s.
 */
const PROBES = { enable: true, initialDelay: 60_000, interval: 75_000, count: 9 } as const

/**
 * Probes a connection that is silent for a minute, so that a peer which vanished without a word is found out and its flow
 * ends, some 12 minutes after its last sign of life.
 */
export function keepAlive(socket: Socket): void {
  socket.setKeepAlive(PROBES)
}
