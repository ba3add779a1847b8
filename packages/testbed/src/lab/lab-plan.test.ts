import { describe, expect, it } from 'vitest'
import { LabPlan } from './lab-plan.ts'
import type { SiteSpec } from './topology.ts'

function site(name: string, change: Partial<SiteSpec> = {}): SiteSpec {
  return { name, nat: 'endpoint-independent', subnet: '192.168.1.0/24', nodes: [], ...change }
}

function addressesOf(plan: LabPlan): Record<string, string> {
  return Object.fromEntries(plan.hosts.map(({ name, address }) => [name, address]))
}

describe('LabPlan', () => {
  it('gives out addresses in the order of the topology', () => {
    const plan = new LabPlan('abc', {
      cloud: [{ name: 'c1', pods: [{ name: 'p1' }, { name: 'p2' }] }, { name: 'c2' }],
      sites: [
        site('s1', { nodes: [{ name: 'e1', pods: [{ name: 'p3' }] }] }),
        site('s2', { nodes: [{ name: 'e2' }] }),
      ],
    })
    expect(addressesOf(plan)).toEqual({
      segment: '45.80.0.1',
      c1: '45.80.0.11',
      p1: '10.244.0.2',
      p2: '10.244.0.3',
      c2: '45.80.0.12',
      's1-router': '45.80.0.101',
      e1: '192.168.1.11',
      p3: '10.244.2.2',
      's2-router': '45.80.0.102',
      e2: '192.168.1.11',
    })
  })

  it('gives an address that was given up to the next pod', () => {
    const plan = new LabPlan('abc', { cloud: [{ name: 'c1', pods: [{ name: 'p1' }, { name: 'p2' }] }] })
    const first = plan.hosts.find(({ name }) => name === 'p1')
    if (first === undefined) throw new Error('p1 is planned')
    plan.remove(first)
    expect(plan.addPod('c1', { name: 'p3' }).address).toBe(first.address)
  })

  it('names another nameserver to a pod that is to have one', () => {
    const plan = new LabPlan('abc', {
      cloud: [{ name: 'c1', pods: [{ name: 'p1' }, { name: 'p2', nameserver: '10.96.0.10' }] }],
    })
    const nameservers = plan.hosts
      .filter(({ kind }) => kind === 'pod')
      .map(({ resolvConf }) => resolvConf?.split('\n')[0])
    expect(nameservers).toEqual(['nameserver 169.254.96.16', 'nameserver 10.96.0.10'])
  })

  it('keeps device names within 15 characters and apart', () => {
    const pods = ['a-very-long-name-of-a-pod-1', 'a-very-long-name-of-a-pod-2'].map((name) => ({ name }))
    const { hosts } = new LabPlan('abc', { cloud: [{ name: 'c1', pods }] })
    const ports = hosts.flatMap(({ uplink }) => (uplink === undefined ? [] : [uplink.port]))
    expect(new Set(ports).size).toBe(3)
    expect(Math.max(...ports.map((port) => port.length))).toBeLessThanOrEqual(15)
  })

  it('tells everyone on the public segment, but not its own router, the way to a routed site', () => {
    const routed = site('s2', { nat: 'none', subnet: '172.20.0.0/24', nodes: [{ name: 'e2' }] })
    const plan = new LabPlan('abc', {
      cloud: [{ name: 'c1' }],
      sites: [site('s1', { nodes: [{ name: 'e1' }] }), routed],
    })
    const knowing = plan.hosts.filter(({ routes }) => routes.some(({ to }) => to === routed.subnet))
    expect(knowing.map(({ name }) => name)).toEqual(['c1', 's1-router'])
  })

  it('has connection tracking set up only where a router does NAT, so that a routed site needs no kernel module', () => {
    const plan = new LabPlan('abc', {
      sites: [site('s1'), site('s2', { nat: 'none', subnet: '172.20.0.0/24' })],
    })
    const tracking = plan.hosts.filter(({ sysctls }) =>
      Object.keys(sysctls).some((key) => key.includes('conntrack')),
    )
    expect(tracking.map(({ name }) => name)).toEqual(['s1-router'])
  })

  it('makes the router of a site that is behind another one a host of that, with an address of its LAN', () => {
    const plan = new LabPlan('abc', {
      sites: [
        site('carrier', { subnet: '100.64.0.0/24' }),
        site('s1', { behind: 'carrier' }),
        site('s2', { behind: 'carrier' }),
      ],
    })
    expect(addressesOf(plan)).toMatchObject({ 's1-router': '100.64.0.101', 's2-router': '100.64.0.102' })
    expect(plan.hosts.find(({ name }) => name === 's2-router')?.uplink).toMatchObject({
      gateway: '100.64.0.1',
      bridgeNamespace: plan.namespaceOf('carrier-router'),
    })
  })

  it.each([
    ['two hosts of one name', { cloud: [{ name: 'a' }, { name: 'a' }] }, 'two hosts named "a"'],
    ['a name that is no label', { cloud: [{ name: 'A_1' }] }, 'not a host name'],
    ['a name longer than a label', { cloud: [{ name: 'a'.repeat(64) }] }, 'not a host name'],
    ['an address outside the subnet', { cloud: [{ name: 'a', address: '10.0.0.1' }] }, 'not in 45.80.0.0/24'],
    ['the address of the gateway', { cloud: [{ name: 'a', address: '45.80.0.1' }] }, 'taken'],
    ['a site within the public segment', { sites: [site('a', { subnet: '45.80.0.0/25' })] }, 'overlap'],
    [
      'pods within the LAN of their node',
      { sites: [site('a', { nodes: [{ name: 'e', podSubnet: '192.168.0.0/16' }] })] },
      'overlap',
    ],
    ['a pod’s address twice', { cloud: [{ name: 'a', pods: twice('10.244.0.9') }] }, 'taken'],
    [
      'a routed site whose subnet another has',
      { sites: [site('a', { nat: 'none' }), site('b')] },
      'overlapping',
    ],
    ['a site behind an unknown one', { sites: [site('a', { behind: 'b' }), site('b')] }, 'before it'],
    [
      'a routed site behind another one',
      { sites: [site('a', { subnet: '10.0.0.0/24' }), site('b', { nat: 'none', behind: 'a' })] },
      'routed',
    ],
    [
      'a site with the subnet that it is behind',
      { sites: [site('a'), site('b', { behind: 'a' })] },
      'overlap',
    ],
  ])('refuses %s', (_, topology, message) => {
    expect(() => new LabPlan('abc', topology)).toThrow(message)
  })
})

function twice(address: string): { name: string; address: string }[] {
  return ['p1', 'p2'].map((name) => ({ name, address }))
}
