import {
  type Endpoint,
  formatServicePortName,
  ipFamilyOf,
  type Node,
  type NodeName,
  type Protocol,
} from '@edgeway/core'
import { endpointsOf, FakeEndpointHealth, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { FakeListenerDirectory } from '../../../test/fake-listener-directory.ts'
import type { Packet, Target } from '../../../test/trace/packet-fields.ts'
import {
  ADDRESSES,
  EXEMPT_GROUP,
  KINDS,
  kubeProxysTarget,
  loadedWith,
  type Place,
  packet,
  RuleNode,
  slot,
  targetOf,
} from '../../../test/trace/scene.ts'
import {
  familyOf,
  formatMatch,
  type KernelRule,
  type KernelSlot,
  type Match,
  type Rule,
} from '../../model/rule.ts'
import { rulesOf } from '../../model/service-port-rules.ts'
import { hashTable, randomTable } from './slot-table.ts'

const OWN = 'edge-1' as NodeName
const LISTENER = { ip: ADDRESSES.agent.IPv4, port: 15_001 }
const LIMITS = {
  nodePorts: true,
  maxSlots: { random: 256, 'client-ip': 256, 'source-ip-hash': 256 },
  masqueradeLocal: new Set<never>(),
}

/** The rules of a node of a site of its own for the Service `shop/<name>` at that ClusterIP. */
function rulesFor(name: string, clusterIp: string, endpoints: readonly Endpoint[]): readonly Rule[] {
  const services = new FakeServiceDirectory()
  const listeners = new FakeListenerDirectory()
  services.set(serviceOf(`shop/${name}:http`, clusterIp, 80), endpoints)
  const port = services.servicePort(formatServicePortName('shop', name, 'http'))
  if (port === undefined) throw new Error('no such ServicePort')
  listeners.set(port.name, LISTENER)
  const sites: readonly Node[] = ['edge-1', 'edge-2'].map((node) => {
    return { name: node as NodeName, labels: {}, addresses: [], routedNetwork: `site of ${node}` }
  })
  const nodes = { node: (wanted: NodeName) => sites.find((node) => node.name === wanted) }
  const viewpoint = { nodeName: OWN, nodes }
  const [nodeListeners, health] = [new FakeListenerDirectory(), new FakeEndpointHealth()]
  return rulesOf(port, { services, listeners, nodeListeners, health, viewpoint }, LIMITS)
}

describe('packets to Services of sites with equal pod addresses', () => {
  const kind = { protocol: 'TCP', family: 'IPv4' } as const
  const node = new RuleNode(
    loadedWith([
      ...rulesFor('here', '10.96.0.1', endpointsOf('edge-1/10.1.0.1:8080')),
      ...rulesFor('there', '10.96.0.2', endpointsOf('edge-2/10.1.0.1:8080')),
      ...rulesFor('both', '10.96.0.3', endpointsOf('edge-2/10.1.0.1:8080', 'edge-1/10.1.0.2:8080')),
    ]),
  )
  const reached = (ip: string): Target[] =>
    (['client', 'node', 'outsider', 'pod'] as const).flatMap((sender) =>
      [0, 1, 2].map((random) => node.send(packet(kind, sender, { ip, port: 80 }), { random }).destination),
    )

  it('reach the pod of this site for its own Service', () => {
    expect(new Set(reached('10.96.0.1').map(({ ip }) => ip))).toEqual(new Set(['10.1.0.1']))
  })

  it('reach the listener, never the pod of this site, for a Service of the other', () => {
    expect(new Set(reached('10.96.0.2').map(({ ip }) => ip))).toEqual(new Set([LISTENER.ip]))
  })

  it('never reach the pod of this site that has the address of one of the other', () => {
    expect(reached('10.96.0.3').map(({ ip }) => ip)).not.toContain('10.1.0.1')
  })
})

describe('packets to one of many rules', () => {
  it.each([1, 2, 3, 4, 5, 6])('go where it says, and all others to kube-proxy: seed %i', (seed) => {
    const draw = drawsOf(seed)
    const matches = allMatches()
    const rules = matches.flatMap((match) => (draw(4) === 0 ? [] : randomRule(match, draw)))
    const table = loadedWith(rules)

    for (let i = 0; i < 500; i++) {
      const request = randomPacket(pick(matches, draw), draw)
      const choices = { random: draw(4_096), hash: draw(4_093) }
      const { verdict, destination, masqueraded } = new RuleNode(table).send(request, choices)
      const wanted = expectedOf(request, ruleFor(request, rules), choices)
      expect({ verdict, destination, masqueraded }, describePacket(request)).toEqual(wanted)
    }
  })
})

type Draw = (below: number) => number

/** Numbers that look random and are the same for a seed: a linear congruential generator. */
function drawsOf(seed: number): Draw {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function pick<T>(things: readonly T[], draw: Draw): T {
  const thing = things[draw(things.length)]
  if (thing === undefined) throw new Error('nothing to pick from')
  return thing
}

/** Addresses and node ports that share ports; the node's own address is one of them. */
function allMatches(): readonly Match[] {
  const places: readonly Place[] = ['clusterIp', 'externalIp', 'node']
  return KINDS.flatMap(({ protocol, family }) =>
    [80, 30_080, 30_081].flatMap((port): Match[] => [
      ...places.map((place) => ({ kind: 'address', ip: ADDRESSES[place][family], protocol, port }) as const),
      { kind: 'node-port', family, protocol, port },
    ]),
  )
}

function randomRule(match: Match, draw: Draw): Rule {
  const family = familyOf(match)
  const listener = { ip: ADDRESSES.agent[family], port: 15_000 + draw(3) }
  const mode = pick(['KERNEL', 'KERNEL', 'KERNEL', 'AGENT', 'NODE', 'REJECT'] as const, draw)
  if (mode === 'REJECT') return { mode, match }
  if (mode !== 'KERNEL') return { mode, match, listener }
  const places = (['pod', 'secondPod', 'remotePod', 'node'] as const).filter(() => draw(2) === 0)
  const slots = (places.length === 0 ? (['pod'] as const) : places).map((place) =>
    slot(place, family, { weight: 1 + draw(draw(4) === 0 ? 60 : 3), masquerade: draw(3) === 0 }),
  )
  const balance = pick(
    [{ kind: 'random' }, { kind: 'source-ip-hash' }, { kind: 'client-ip', timeoutSeconds: 90 }] as const,
    draw,
  )
  const isLooped = match.kind === 'node-port' && draw(2) === 0
  return { mode, match, balance, slots, loopback: isLooped ? listener : undefined }
}

function randomPacket(match: Match, draw: Draw): Packet {
  const kind = { protocol: match.protocol, family: familyOf(match) }
  const isLoopback = draw(3) === 0
  const target = targetOf(match, isLoopback ? 'loopback' : 'node')
  const isFromNode = isLoopback && match.kind === 'node-port'
  const senders: readonly Place[] = ['client', 'pod', 'secondPod', 'outsider', 'node']
  const sent = packet(kind, isFromNode ? 'loopback' : pick(senders, draw), target)
  return draw(6) === 0 ? { ...sent, groupId: EXEMPT_GROUP } : sent
}

/** One for the very address comes before one for a node port. */
function ruleFor({ protocol, destination, from, groupId }: Packet, rules: readonly Rule[]): Rule | undefined {
  if (from === 'host' && groupId === EXEMPT_GROUP) return undefined
  const { ip, port } = destination
  const named = (match: Match) => rules.find((rule) => formatMatch(rule.match) === formatMatch(match))
  const family = ipFamilyOf(ip)
  const isOfNode = ip === ADDRESSES.node[family] || ip === ADDRESSES.loopback[family]
  const nodePort = isOfNode ? named({ kind: 'node-port', family, protocol, port }) : undefined
  return named({ kind: 'address', ip, protocol, port }) ?? nodePort
}

interface Choices {
  readonly random: number
  readonly hash: number
}

function expectedOf(sent: Packet, rule: Rule | undefined, choices: Choices) {
  const { protocol, destination } = sent
  const end = ({ ip, port }: Target, masqueraded = false) => {
    return { verdict: 'accepted', destination: { ip, port }, masqueraded }
  }
  const family = ipFamilyOf(destination.ip)
  if (rule === undefined) return end(kubeProxysTarget(family))
  if (rule.mode === 'REJECT') return { ...end(destination), verdict: refusalOf(protocol) }
  if (rule.mode !== 'KERNEL') return end(rule.listener)
  if (destination.ip === ADDRESSES.loopback[family]) return end(rule.loopback ?? kubeProxysTarget(family))
  const chosen = chosenOf(rule, choices)
  return end(chosen, isMasqueraded(chosen, sent))
}

/** What comes in for the node itself does not leave it; its replies need no help to come back through it. */
function isMasqueraded({ ip, path, masquerade }: KernelSlot, { source, from }: Packet): boolean {
  const staysIn = from !== 'host' && ip === ADDRESSES.node[ipFamilyOf(ip)]
  return !staysIn && (masquerade || (path === 'local' && ip === source))
}

function refusalOf(protocol: Protocol): string {
  return protocol === 'TCP' ? 'reset' : 'unreachable'
}

/** What an IPv6 client of `client-ip` is sent to, the kernel computes. */
function chosenOf({ match, balance, slots }: KernelRule, { random, hash }: Choices): KernelSlot {
  const isHashed =
    balance.kind === 'source-ip-hash' || (balance.kind === 'client-ip' && familyOf(match) === 'IPv6')
  const table = isHashed ? hashTable(slots) : randomTable(slots)
  const chosen = table[(isHashed ? hash : random) % table.length]
  if (chosen === undefined) throw new Error('a rule without slots')
  return chosen
}

function describePacket({ protocol, source, destination }: Packet): string {
  return `${protocol} from ${source} to ${destination.ip} ${destination.port}`
}
