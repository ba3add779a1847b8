import { BlockList } from 'node:net'
import { type IpFamily, ipFamilyOf, type Protocol } from '@edgeway/core'
import type { Field } from './parse-rule.ts'
import type { Hook } from './ruleset.ts'

export interface Target {
  readonly ip: string
  readonly port: number
}

/** The first packet of a connection. Its family is that of its addresses. */
export interface Packet {
  readonly protocol: Protocol
  readonly source: string
  readonly destination: Target
  readonly from: 'pod' | 'host' | 'outside'
  /** Of the process that sends it, when that is on the host. */
  readonly groupId?: number
}

/** What a packet has become on its way. */
export interface PacketState {
  readonly packet: Packet
  readonly family: IpFamily
  readonly hook: Hook
  readonly destination: Target
  /** Whether the destination is an address of the node. */
  readonly isAtNode: boolean
  /** Whether the connection goes elsewhere than it was sent: translated to itself, it does not. */
  readonly isTranslated: boolean
  /** A packet from the node to itself comes back by `lo` to prerouting and input. */
  readonly isFromLoopback: boolean
}

type Reader = (state: PacketState) => string | undefined

const NUMBERS = { TCP: '6', UDP: '17' } as const
/** Names that rules have for what keys have numbers for. */
const NAMED = new Map([
  ['tcp', '6'],
  ['udp', '17'],
])

const of =
  (family: IpFamily, read: (state: PacketState) => string): Reader =>
  (state) =>
    state.family === family ? read(state) : undefined
const at =
  (protocol: Protocol): Reader =>
  (state) =>
    state.packet.protocol === protocol ? `${state.destination.port}` : undefined

const SOURCE = ({ packet }: PacketState): string => packet.source
const DESTINATION = ({ destination }: PacketState): string => destination.ip
const ORIGINAL = ({ packet }: PacketState): string => packet.destination.ip

/** A field that a packet lacks ends the rule, as the kernel's own checks of family and protocol do. */
export const FIELD_READERS: Readonly<Record<Field, Reader>> = {
  'ip saddr': of('IPv4', SOURCE),
  'ip daddr': of('IPv4', DESTINATION),
  'ip6 saddr': of('IPv6', SOURCE),
  'ip6 daddr': of('IPv6', DESTINATION),
  'th dport': ({ destination }) => `${destination.port}`,
  'tcp dport': at('TCP'),
  'udp dport': at('UDP'),
  'meta l4proto': ({ packet }) => NUMBERS[packet.protocol],
  'meta nfproto': ({ family }) => family.toLowerCase(),
  'meta skgid': ({ packet, hook }) =>
    packet.from === 'host' && (hook === 'output' || hook === 'postrouting')
      ? `${packet.groupId ?? 0}`
      : undefined,
  iifname: ({ isFromLoopback }) => (isFromLoopback ? 'lo' : 'eth0'),
  'fib daddr type': ({ isAtNode }) => (isAtNode ? 'local' : 'unicast'),
  'ct state': () => 'new',
  'ct status': ({ isTranslated }) => (isTranslated ? 'dnat' : ''),
  'ct original ip saddr': of('IPv4', SOURCE),
  'ct original ip daddr': of('IPv4', ORIGINAL),
  'ct original ip6 saddr': of('IPv6', SOURCE),
  'ct original ip6 daddr': of('IPv6', ORIGINAL),
  'ct original proto-dst': ({ packet }) => `${packet.destination.port}`,
}

/** Whether a field has a rule's value: a number, a name or a prefix. */
export function hasValue(found: string, value: string): boolean {
  const [network = '', bits] = value.split('/')
  if (bits === undefined) return found === (NAMED.get(value) ?? value)
  const list = new BlockList()
  list.addSubnet(network, Number(bits), ipFamilyOf(network) === 'IPv4' ? 'ipv4' : 'ipv6')
  return list.check(found, ipFamilyOf(found) === 'IPv4' ? 'ipv4' : 'ipv6')
}
