import type { Socket } from 'node:net'
import type { KeepAlive } from '@edgeway/core'
import type { OptionValue } from './socket-options.ts'

/**
 * The kernel's own spacing and number of probes (tcp(7)). Node's would be ten, a second apart: each idle connection would
 * die with a link that is away for 10 s.
 */
const PROBES = { initialDelay: 60_000, interval: 75_000, count: 9 } as const

/** The same as options of a socket: SO_KEEPALIVE of asm-generic/socket.h, the others of linux/tcp.h. In seconds. */
export const KEEP_ALIVE_OPTIONS: readonly OptionValue[] = [
  [{ level: 1, name: 9 }, 1],
  [{ level: 6, name: 4 }, PROBES.initialDelay / 1_000],
  [{ level: 6, name: 5 }, PROBES.interval / 1_000],
  [{ level: 6, name: 6 }, PROBES.count],
]

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
