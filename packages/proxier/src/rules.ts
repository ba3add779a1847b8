import { isIPv6 } from 'node:net'
import {
  type ListenerAddress,
  type ListenerDirectory,
  type Protocol,
  type ServiceDirectory,
  type ServicePort,
  servicePortMode,
} from '@edgeway/core'

/** An address that clients of a ServicePort connect to. */
export interface Destination {
  /** Canonical text, IPv4 or IPv6. */
  readonly ip: string
  readonly protocol: Protocol
  readonly port: number
}

/**
 * What the kernel shall do with new connections to a Destination: hand them to a listener of the agent (of the same
 * address family), or refuse them at once.
 */
export type Rule =
  | (Destination & { readonly mode: 'AGENT'; readonly listener: ListenerAddress })
  | (Destination & { readonly mode: 'REJECT' })

/** What rules are made from. */
export type RuleSources = {
  readonly services: Pick<ServiceDirectory, 'servicePorts' | 'endpoints' | 'lookup'>
  readonly listeners: Pick<ListenerDirectory, 'listener'>
}

/**
 * The rules that the node shall have now, in no particular order: at most one per Destination. A ServicePort has none
 * while no listener accepts its connections: nothing is redirected into a hole.
 */
export function rulesOf(sources: RuleSources): readonly Rule[] {
  return [...sources.services.servicePorts()].flatMap((port) => rulesOfPort(port, sources))
}

function rulesOfPort(port: ServicePort, { services, listeners }: RuleSources): Rule[] {
  const mode = servicePortMode(port, services.endpoints(port.name))
  if (mode === undefined) return []
  const destinations = port.clusterIps
    .map((ip) => ({ ip, protocol: port.protocol, port: port.port }))
    .filter((destination) => isOwner(port, destination, services))
  if (mode === 'REJECT') return destinations.map((destination) => ({ ...destination, mode }))

  const listener = listeners.listener(port.name)
  if (listener === undefined) return []
  return destinations
    .filter(({ ip }) => isIPv6(ip) === isIPv6(listener.ip))
    .map((destination) => ({ ...destination, mode, listener }))
}

/** While a ClusterIP moves from one Service to another, both may list it: the directory's word counts, as in traffic. */
function isOwner(port: ServicePort, at: Destination, services: RuleSources['services']): boolean {
  return services.lookup(at.ip, at.port, at.protocol)?.name === port.name
}
