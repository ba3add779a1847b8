import type { Multiaddr } from '@multiformats/multiaddr'
import { isWebSocketAddress } from '../../addresses.ts'
import type { ReflectorAddress } from './reflect.ts'

/** A tunnel server that this node has joined. */
export interface ReflectingServer {
  /** Where this node reaches it. */
  readonly address: Multiaddr
  /** TCP ports of the same host. */
  readonly reflectorPorts: readonly number[]
}

/** For sets. */
export function reflectorKey({ host, port }: ReflectorAddress): string {
  return `${host} ${port}`
}

/**
 * Two reflectors to ask, of two hosts where that is possible: a NAT may treat all ports of one host alike. What is reached
 * by WebSocket comes late, as that leads mostly to a proxy, which has no reflectors.
 *
 * @param silent - keys of those that did not answer: they come last
 */
export function chooseReflectors(
  servers: readonly ReflectingServer[],
  silent: ReadonlySet<string>,
): readonly ReflectorAddress[] {
  const ranked = [...servers].sort((a, b) => rank(a) - rank(b))
  const all = new Map(interleaved(ranked).map((reflector) => [reflectorKey(reflector), reflector]))
  const byAnswer = [...all].sort(([a], [b]) => Number(silent.has(a)) - Number(silent.has(b)))
  return byAnswer.slice(0, 2).map(([, reflector]) => reflector)
}

/** The first port of each server, then the second one of each, and so on; those by WebSocket behind all others. */
function interleaved(servers: readonly ReflectingServer[]): ReflectorAddress[] {
  const ofServer = servers.flatMap((server) =>
    server.reflectorPorts.map((port, index) => ({ host: hostOf(server), port, place: rank(server) + index })),
  )
  return ofServer.sort((a, b) => a.place - b.place).map(({ host, port }) => ({ host, port }))
}

/** More than any server has ports. */
const LATE = 1_000

function rank({ address }: ReflectingServer): number {
  return isWebSocketAddress(address) ? LATE : 0
}

function hostOf({ address }: ReflectingServer): string {
  return address.getComponents()[0]?.value ?? ''
}
