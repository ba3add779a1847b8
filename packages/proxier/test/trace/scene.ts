import { type IpFamily, ipFamilyOf, type Protocol } from '@edgeway/core'
import {
  affinitySeconds,
  changedElements,
  countShared,
  elementsOf,
  inOrderOfRemoval,
} from '../../src/backend/nftables/elements.ts'
import { ALL_FEATURES, type LayoutOptions } from '../../src/backend/nftables/layout.ts'
import { renderElements, renderReplacement, renderUpdate } from '../../src/backend/nftables/scripts.ts'
import type { KernelSlot, Match, Rule, RuleChange } from '../../src/model/rule.ts'
import type { Packet, Target } from './packet-fields.ts'
import { applyScript, EMPTY_RULESET, type Ruleset } from './ruleset.ts'
import { tracePacket } from './trace-packet.ts'
import type { Learnt, Trace } from './traced-node.ts'

/** Of the processes that are never intercepted. */
export const EXEMPT_GROUP = 1_777

export const ADDRESSES = {
  clusterIp: { IPv4: '10.96.0.1', IPv6: 'fd00:96::1' },
  externalIp: { IPv4: '203.0.113.7', IPv6: '2001:db8::7' },
  node: { IPv4: '192.0.2.10', IPv6: 'fd00:2::10' },
  loopback: { IPv4: '127.0.0.1', IPv6: '::1' },
  agent: { IPv4: '169.254.96.16', IPv6: 'fd00:e::16' },
  pod: { IPv4: '10.1.0.1', IPv6: 'fd00:1::1' },
  secondPod: { IPv4: '10.1.0.2', IPv6: 'fd00:1::2' },
  remotePod: { IPv4: '10.2.0.1', IPv6: 'fd00:1:2::1' },
  client: { IPv4: '10.1.0.99', IPv6: 'fd00:1::99' },
  outsider: { IPv4: '198.51.100.5', IPv6: '2001:db8:5::5' },
  /** Where the node's kube-proxy sends everything that it gets to translate. */
  kubeProxys: { IPv4: '10.244.0.9', IPv6: 'fd00:244::9' },
} as const satisfies Readonly<Record<string, Readonly<Record<IpFamily, string>>>>

export type Place = keyof typeof ADDRESSES

export interface Kind {
  readonly protocol: Protocol
  readonly family: IpFamily
}

export const KINDS: readonly Kind[] = [
  { protocol: 'TCP', family: 'IPv4' },
  { protocol: 'UDP', family: 'IPv4' },
  { protocol: 'TCP', family: 'IPv6' },
  { protocol: 'UDP', family: 'IPv6' },
]

/** Of a pod, of the node itself and from outside. */
export const SENDERS: readonly Place[] = ['client', 'node', 'outsider']

/** A ClusterIP, an external IP and a node port. */
export function matchesOf({ protocol, family }: Kind): Match[] {
  return [
    { kind: 'address', ip: ADDRESSES.clusterIp[family], protocol, port: 80 },
    { kind: 'address', ip: ADDRESSES.externalIp[family], protocol, port: 80 },
    { kind: 'node-port', family, protocol, port: 30_080 },
  ]
}

/** A packet of that kind from that place; it comes from where the place says, unless the node sends it. */
export function packet({ protocol, family }: Kind, source: Place, destination: Target): Packet {
  const from = source === 'outsider' ? 'outside' : isOfNode(ADDRESSES[source][family]) ? 'host' : 'pod'
  return { protocol, source: ADDRESSES[source][family], destination, from }
}

export function slot(place: Place, family: IpFamily, rest: Partial<KernelSlot> = {}): KernelSlot {
  const path = place === 'remotePod' ? 'routed' : 'local'
  return { ip: ADDRESSES[place][family], port: 8_080, weight: 1, path, masquerade: false, ...rest }
}

/** What a packet is sent to for a Match; a node port is asked for at that place. */
export function targetOf(match: Match, place: Place = 'node'): Target {
  return { ip: match.kind === 'address' ? match.ip : ADDRESSES[place][match.family], port: match.port }
}

export function kubeProxysTarget(family: IpFamily): Target {
  return { ip: ADDRESSES.kubeProxys[family], port: 9 }
}

const OWN_PLACES = ['node', 'loopback', 'agent'] as const
const OWN = new Set(OWN_PLACES.flatMap((place): string[] => Object.values(ADDRESSES[place])))

function isOfNode(ip: string): boolean {
  return OWN.has(ip)
}

const LAYOUT: LayoutOptions = { groupId: EXEMPT_GROUP, isOwned: false, features: ALL_FEATURES }

/** What a table is after a full load of the rules, whose script may be changed before. */
export function loadedWith(
  rules: readonly Rule[],
  edit: (script: string) => string = (script) => script,
): Ruleset {
  const seconds = new Set(rules.flatMap((rule) => affinitySeconds(rule) ?? []))
  const contents = { elements: elementsOf(rules, ALL_FEATURES), affinitySeconds: seconds }
  return applyScript(EMPTY_RULESET, edit(renderReplacement(contents, LAYOUT, false)))
}

/** What a table is after each transaction of an update, as the backend makes them. */
export function updatedWith(loaded: Ruleset, changes: readonly RuleChange[]): readonly [Ruleset, Ruleset] {
  const counts = countShared(
    changes.flatMap(({ previous }) => previous ?? []),
    ALL_FEATURES,
  )
  const seconds = new Set(changes.flatMap(({ current }) => (current && affinitySeconds(current)) ?? []))
  const { removed, added } = changedElements(changes, ALL_FEATURES, counts)
  const [now, later] = inOrderOfRemoval(removed)
  const learnt = new Set([...seconds].filter((timeout) => !loaded.chains.has(`learn-${timeout}`)))
  const first = applyScript(loaded, renderUpdate({ removed: now, added }, learnt))
  return [first, applyScript(first, renderElements('delete', later))]
}

/** What else decides where a packet goes. */
export interface Circumstances {
  /** What the kernel draws. */
  readonly random?: number
  /** What the kernel makes of the source's address. */
  readonly hash?: number
  /** Whether a kube-proxy translates whatever it gets; it does unless told. */
  readonly kubeProxy?: boolean
}

/** A node whose kernel has these tables, one after the other. */
export class RuleNode {
  nowSeconds = 0
  readonly #rulesets: readonly [Ruleset, ...Ruleset[]]
  #memory: readonly (Learnt & { readonly until: number })[] = []

  constructor(...rulesets: readonly [Ruleset, ...Ruleset[]]) {
    this.#rulesets = rulesets
  }

  /** @param splits - how many lookups the packet has made when each of the later tables comes */
  send(sent: Packet, circumstances: Circumstances = {}, splits: readonly number[] = []): Trace {
    const { random = 0, hash = 0, kubeProxy = true } = circumstances
    const remembered = this.#memory.filter(({ until }) => until > this.nowSeconds)
    const trace = tracePacket(sent, {
      rulesets: splits.length === 0 ? [this.#rulesets[0]] : this.#rulesets,
      splits,
      isLocal: isOfNode,
      random: (modulus) => random % modulus,
      hash: (_, modulus) => hash % modulus,
      translateElsewhere: ({ ip }) => (kubeProxy ? kubeProxysTarget(ipFamilyOf(ip)) : undefined),
      remembered,
    })
    const learnt = trace.learnt.map((entry) => ({ ...entry, until: this.nowSeconds + entry.seconds }))
    this.#memory = [...remembered, ...learnt]
    return trace
  }
}

/** A node whose kernel has loaded these rules. */
export function nodeWith(...rules: readonly Rule[]): RuleNode {
  return new RuleNode(loadedWith(rules))
}
