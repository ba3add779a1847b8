import type { Hop } from './peers.ts'

/** By what a request goes to the endpoint that records it. */
export const WAYS = ['edgeway', 'edgeway and haproxy', 'edgeway and nginx', 'haproxy', 'nginx'] as const

export type Way = (typeof WAYS)[number]

/** Each way has so many lanes with an endpoint of their own, on which requests go one after another. */
export const LANES = 16

/** Below what the kernel gives to callers. */
const FIRST_ENDPOINT = 20_000
const FIRST_PEER = 21_000

/** The endpoint at the end of a lane. */
export function endpointPort(way: Way, lane: number): number {
  return FIRST_ENDPOINT + WAYS.indexOf(way) * 100 + lane
}

/** The peer in front of it. */
export function peerPort(way: Way, lane: number): number {
  return FIRST_PEER + WAYS.indexOf(way) * 100 + lane
}

/** What that peer is told to listen on: beside us and behind us. */
export function hopsOf(peer: 'haproxy' | 'nginx'): Hop[] {
  const ways = WAYS.filter((way) => way.endsWith(peer))
  return ways.flatMap((way) =>
    Array.from({ length: LANES }, (_, lane) => ({
      from: peerPort(way, lane),
      to: endpointPort(way, lane),
      // Clients don't wait for long; a proxy must not lose a connection in the moment in which it uses it.
      idleMs: way === peer ? 150 : 60_000,
    })),
  )
}
