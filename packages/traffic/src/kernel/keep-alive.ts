import type { Socket } from 'node:net'
import type { KeepAlive } from '@edgeway/core'

/**
 * The kernel's own spacing and number of probes (tcp(7)). Node's would be ten, a second apart: each idle connection would
 * die with a link that is away for 10 s.
 */
const PROBES = { initialDelay: 60_000, interval: 75_000, count: 9 } as const

/**
 * Probes a connection that is silent for a minute, so that a peer which vanished without a word is found out and its flow
 * ends, some 12 minutes after its last sign of life, unless wished otherwise.
 */
export function keepAlive(socket: Socket, wish?: KeepAlive): void {
  socket.setKeepAlive({
    enable: true,
    initialDelay: wish?.timeMs ?? PROBES.initialDelay,
    interval: wish?.intervalMs ?? PROBES.interval,
    count: wish?.probes ?? PROBES.count,
  })
}
