import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const MICROSECONDS_PER_MS = 1_000

/** A connection to an echo server, without waiting for it. */
export function openEcho(ip: string, port: number): Socket {
  return connect({ host: ip, port, noDelay: true })
}

/** Sends a byte, and resolves with the time until something came back, in microseconds. */
export async function echo(socket: Socket): Promise<number> {
  const startedAt = performance.now()
  socket.write('x')
  await once(socket, 'data')
  return (performance.now() - startedAt) * MICROSECONDS_PER_MS
}

/** @param share - e.g. 0.99 for the 99th percentile */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
