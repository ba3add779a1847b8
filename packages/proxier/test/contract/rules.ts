import type { IpFamily, ListenerAddress, Protocol } from '@edgeway/core'
import type {
  AddressMatch,
  KernelBalance,
  KernelRule,
  KernelSlot,
  ListenerRule,
  Match,
  NodePortMatch,
  RejectRule,
} from '../../src/model/rule.ts'
import { familyOf } from '../../src/model/rule.ts'
import { ADDRESSES, clusterIp, ENDPOINT_PORT, LISTENER_PORTS, PORT } from '../lab/topology.ts'

/** What a connection is made with. */
export interface Kind {
  readonly protocol: Protocol
  readonly family: IpFamily
}

export const KINDS: readonly Kind[] = [
  { protocol: 'TCP', family: 'IPv4' },
  { protocol: 'TCP', family: 'IPv6' },
  { protocol: 'UDP', family: 'IPv4' },
  { protocol: 'UDP', family: 'IPv6' },
]

/** The port of the node that node port rules of the suite are for. */
export const NODE_PORT = 30_080

export const RANDOM: KernelBalance = { kind: 'random' }
export const BY_CLIENT: KernelBalance = { kind: 'client-ip', timeoutSeconds: 10_800 }
export const BY_HASH: KernelBalance = { kind: 'source-ip-hash' }

/** Port 80 of a ClusterIP, told by a number from 1 to 9. */
export function service(number: number, { protocol, family }: Kind): AddressMatch {
  return { kind: 'address', ip: clusterIp(number, family), protocol, port: PORT }
}

export function nodePort({ protocol, family }: Kind, port = NODE_PORT): NodePortMatch {
  return { kind: 'node-port', family, protocol, port }
}

export function listenerFor(match: Match, name: keyof typeof LISTENER_PORTS = 'agent'): ListenerAddress {
  return { ip: ADDRESSES.agent[familyOf(match)], port: LISTENER_PORTS[name] }
}

export function toAgent(match: Match, name: keyof typeof LISTENER_PORTS = 'agent'): ListenerRule {
  return { mode: 'AGENT', match, listener: listenerFor(match, name) }
}

export function refused(match: Match): RejectRule {
  return { mode: 'REJECT', match }
}

/** An endpoint of the lab, by who answers there. */
export type EndpointName = 'pod' | 'secondPod' | 'remotePod' | 'otherRemotePod'

/** What the servers call themselves. */
export const SPOKEN = {
  pod: 'pod',
  secondPod: 'second pod',
  remotePod: 'remote pod',
  otherRemotePod: 'other remote pod',
} as const satisfies Readonly<Record<EndpointName, string>>

/** How the kernel chooses, and what else is not as usual. */
export interface KernelOptions {
  readonly balance?: KernelBalance
  readonly weights?: Partial<Readonly<Record<EndpointName, number>>>
  readonly masquerade?: boolean
}

export function toPods(
  match: Match,
  names: readonly EndpointName[],
  { balance = RANDOM, weights = {}, masquerade = false }: KernelOptions = {},
): KernelRule {
  const family = familyOf(match)
  const slots = names.map((name): KernelSlot => {
    return {
      ip: ADDRESSES[name][family],
      port: ENDPOINT_PORT,
      weight: weights[name] ?? 1,
      path: name === 'pod' || name === 'secondPod' ? 'local' : 'routed',
      masquerade,
    }
  })
  const loopback = match.kind === 'node-port' ? listenerFor(match, 'loopback') : undefined
  return { mode: 'KERNEL', match, balance, slots, loopback }
}
