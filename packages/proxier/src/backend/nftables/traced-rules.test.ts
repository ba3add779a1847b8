import { describe, expect, it } from 'vitest'
import {
  ADDRESSES,
  EXEMPT_GROUP,
  KINDS,
  type Kind,
  kubeProxysTarget,
  matchesOf,
  nodeWith,
  packet,
  SENDERS,
  slot,
  targetOf,
} from '../../../test/trace/scene.ts'
import type { KernelBalance, KernelRule, ListenerRule, Match, Rule } from '../../model/rule.ts'
import { hashTable, randomTable } from './slot-table.ts'

const PORT_OF_AGENT = 15_001

const ROWS = KINDS.flatMap((kind) =>
  matchesOf(kind).flatMap((match) =>
    SENDERS.map((sender) => ({
      kind,
      match,
      sender,
      title: `${kind.protocol} of ${kind.family} from ${sender} to ${targetOf(match).ip}`,
      listener: { ip: ADDRESSES.agent[kind.family], port: PORT_OF_AGENT },
      request: packet(kind, sender, targetOf(match)),
    })),
  ),
)

function kernel(match: Match, family: Kind['family'], balance: KernelBalance): KernelRule {
  const slots = [slot('pod', family, { weight: 2 }), slot('secondPod', family), slot('remotePod', family)]
  return { mode: 'KERNEL', match, balance, slots, loopback: undefined }
}

function at({ ip, port }: { readonly ip: string; readonly port: number }) {
  return { ip, port }
}

describe('the generated rules', () => {
  describe.each(ROWS)('for $title', ({ kind: { protocol, family }, match, sender, listener, request }) => {
    it('send it to the endpoint in the place of the table that was drawn', () => {
      const rule = kernel(match, family, { kind: 'random' })
      const node = nodeWith(rule)

      const reached = [0, 1, 2, 3].map((random) => node.send(request, { random }))

      expect(reached).toMatchObject(
        randomTable(rule.slots).map((chosen) => ({
          verdict: 'accepted',
          destination: at(chosen),
          masqueraded: false,
        })),
      )
    })

    it('send it to the endpoint in the place of the table that its source is hashed to', () => {
      const rule = kernel(match, family, { kind: 'source-ip-hash' })
      const node = nodeWith(rule)

      const reached = hashTable(rule.slots).map((_, hash) => node.send(request, { hash }).destination)

      expect(reached).toEqual(hashTable(rule.slots).map(at))
    })

    it('send a client back to its endpoint until that is forgotten', () => {
      const node = nodeWith(kernel(match, family, { kind: 'client-ip', timeoutSeconds: 90 }))
      const ask = (random: number): string => node.send(request, { random, hash: 7 }).destination.ip

      const first = ask(0)
      node.nowSeconds = 89
      expect(ask(3)).toBe(first)
      node.nowSeconds = 89 + 89
      expect(ask(3)).toBe(first)
      node.nowSeconds = 89 + 89 + 90
      // The kernel can't learn IPv6: there the hash keeps the endpoint for good.
      expect(ask(3)).toBe(family === 'IPv4' ? ADDRESSES.remotePod.IPv4 : first)
    })

    it.each(['AGENT', 'NODE'] as const)('send it to the listener of mode %s', (mode) => {
      const rule: ListenerRule = { mode, match, listener }

      expect(nodeWith(rule).send(request)).toMatchObject({
        verdict: 'accepted',
        destination: listener,
        masqueraded: false,
      })
    })

    it('refuse it, and keep kube-proxy from translating it', () => {
      expect(nodeWith({ mode: 'REJECT', match }).send(request)).toMatchObject({
        verdict: protocol === 'TCP' ? 'reset' : 'unreachable',
        destination: request.destination,
      })
    })

    it('leave it to kube-proxy at another port or protocol', () => {
      const rules: Rule[] = [
        { mode: 'REJECT', match: { ...match, port: match.port + 1 } },
        { mode: 'AGENT', match: { ...match, protocol: protocol === 'TCP' ? 'UDP' : 'TCP' }, listener },
      ]

      expect(nodeWith(...rules).send(request)).toMatchObject({
        verdict: 'accepted',
        destination: kubeProxysTarget(family),
        masqueraded: false,
      })
    })

    const rules: readonly Rule[] = [
      { mode: 'AGENT', match, listener },
      { mode: 'REJECT', match },
      kernel(match, family, { kind: 'random' }),
    ]

    it.each(rules)('leave alone what the exempt group sends from the node itself, mode $mode', (rule) => {
      const node = nodeWith(rule)
      const { verdict, destination } = node.send({ ...request, groupId: EXEMPT_GROUP })

      const isExempt = sender === 'node'
      if (isExempt) expect({ verdict, destination }).toEqual(untouched(family))
      else expect({ verdict, destination }).not.toEqual(untouched(family))
    })

    it('refuse nothing that the exempt group sends from the node itself, without a kube-proxy either', () => {
      const node = nodeWith({ mode: 'REJECT', match })
      const { verdict } = node.send({ ...request, groupId: EXEMPT_GROUP }, { kubeProxy: false })

      // What comes in again by the loopback device is known to have been judged.
      expect(verdict === 'accepted').toBe(sender === 'node')
    })

    it('refuse nothing that was translated to an address which is refused itself', () => {
      const { ip, port } = slot('remotePod', family)
      const node = nodeWith(
        {
          mode: 'KERNEL',
          match,
          balance: { kind: 'random' },
          slots: [slot('remotePod', family)],
          loopback: undefined,
        },
        { mode: 'REJECT', match: { kind: 'address', ip, protocol, port } },
      )

      expect(node.send(request)).toMatchObject({ verdict: 'accepted', destination: { ip, port } })
      expect(node.send(packet({ protocol, family }, sender, { ip, port })).verdict).not.toBe('accepted')
    })
  })

  it.each(KINDS)('learn of endpoints in the network of the node, too: $protocol of $family', (kind) => {
    const { family } = kind
    for (const match of matchesOf(kind)) {
      const slots = [slot('node', family), slot('secondPod', family)]
      const balance = { kind: 'client-ip', timeoutSeconds: 90 } as const
      const node = nodeWith({ mode: 'KERNEL', match, balance, slots, loopback: undefined })
      const request = packet(kind, 'client', targetOf(match))

      const [first, second] = [0, 1].map((random) => node.send(request, { random }).destination.ip)
      expect(second).toBe(first)
    }
  })

  it.each(KINDS)('send loopback node ports to their listener, if any: $protocol of $family', (kind) => {
    const { family, protocol } = kind
    const match: Match = { kind: 'node-port', family, protocol, port: 30_080 }
    const rule = kernel(match, family, { kind: 'random' })
    const loopback = { ip: ADDRESSES.agent[family], port: PORT_OF_AGENT }
    const request = packet(kind, 'loopback', targetOf(match, 'loopback'))

    expect(nodeWith({ ...rule, loopback }).send(request)).toMatchObject({
      verdict: 'accepted',
      destination: loopback,
    })
    expect(nodeWith(rule).send(request)).toMatchObject(untouched(family))
  })

  it.each(KINDS)('know a node port from an address of the node: $protocol of $family', (kind) => {
    const { family, protocol } = kind
    const ip = ADDRESSES.node[family]
    const listener = { ip: ADDRESSES.agent[family], port: PORT_OF_AGENT }
    const node = nodeWith(
      { mode: 'AGENT', match: { kind: 'address', ip, protocol, port: 30_080 }, listener },
      { mode: 'REJECT', match: { kind: 'node-port', family, protocol, port: 30_080 } },
    )

    expect(node.send(packet(kind, 'client', { ip, port: 30_080 })).destination).toEqual(listener)
    const elsewhere = { ip: ADDRESSES.clusterIp[family], port: 30_080 }
    expect(node.send(packet(kind, 'client', elsewhere))).toMatchObject(untouched(family))
  })
})

function untouched(family: Kind['family']) {
  return { verdict: 'accepted', destination: kubeProxysTarget(family) }
}
