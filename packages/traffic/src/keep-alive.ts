/**
 * Probes for silent connections, so that a peer which vanished without a word is found out and its flow ends. The
 * delay is in milliseconds, the probes' spacing is the kernel's.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 60_000 } as const
