import type { Socket } from 'node:net'
import { echo } from './echo-connection.ts'
import { requestOn } from './http-connection.ts'

/** What a server speaks: it sends bytes back, or answers requests. */
export type Protocol = 'echo' | 'http'

/** Asks on an open connection, and resolves with the time until the answer was there, in microseconds. */
export type Ask = (socket: Socket) => Promise<number>

const ASKERS: ReadonlyMap<string, Ask> = new Map<Protocol, Ask>([
  ['echo', echo],
  ['http', requestOn],
])

/** @throws {Error} for an unknown protocol */
export function askerOf(protocol: string): Ask {
  const ask = ASKERS.get(protocol)
  if (ask === undefined) throw new Error(`no protocol ${protocol}`)
  return ask
}
