import type { NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { UNKNOWN_NAT } from '../../../nat-type.ts'
import { candidatesOf, isOfPlace, maySharePlace, type PeerPaths } from './candidates.ts'

const LAN = '/ip4/192.168.1.11/tcp/20008'
const PUBLIC = '/ip4/45.80.0.9/tcp/20008'

function peer(paths: Partial<PeerPaths> = {}): PeerPaths {
  const nowhere = { lan: [LAN], direct: [PUBLIC], egress: ['45.80.0.2'], relays: [], nat: UNKNOWN_NAT }
  return { peerId: 'edge-2', node: 'edge-2' as NodeName, ...nowhere, ...paths }
}

function addresses(
  paths: Partial<PeerPaths>,
  egress: readonly string[],
  usePrivateAddresses = false,
): string[] {
  const listening = new Set(['/ip4/10.244.0.1/tcp/20008', '/ip4/192.168.1.10/tcp/20008'])
  return candidatesOf(peer(paths), { egress, usePrivateAddresses, listening }).map(String)
}

describe('the addresses to dial a peer at', () => {
  it('are those of the LAN first where both sides come from one place', () => {
    expect(addresses({}, ['45.80.0.2'])).toEqual([LAN, PUBLIC])
  })

  it('are the public ones where both sites have the same subnet, and come from different places', () => {
    expect(addresses({}, ['45.80.0.3'])).toEqual([PUBLIC])
    expect(addresses({}, ['45.80.0.3'], true)).toEqual([LAN, PUBLIC])
  })

  it('are all while it is not known where one of the sides comes from', () => {
    expect(addresses({}, [])).toEqual([LAN, PUBLIC])
    expect(addresses({ egress: [] }, ['45.80.0.3'])).toEqual([LAN, PUBLIC])
  })

  it('leave out those of this node itself, which the bridges of pods have in common', () => {
    const lan = ['/ip4/10.244.0.1/tcp/20008', LAN]
    expect(addresses({ lan }, ['45.80.0.2'])).toEqual([LAN, PUBLIC])
  })

  it('leave out what can not be read, and what is there twice', () => {
    expect(addresses({ lan: [PUBLIC, 'nonsense', '/unix/a'] }, [])).toEqual([PUBLIC])
  })
})

it.each([
  [['1.2.3.4'], ['2a00::1'], true, 'families can not be compared'],
  [['2a00:1:2:3::1'], ['2a00:1:2:3:ffff::9'], true, 'one IPv6 subnet'],
  [['2a00:1:2:3::1'], ['2a00:1:2:4::1'], false, 'different IPv6 subnets'],
  [['2A00:1:02:3::1'], ['2a00:1:2:3::2'], true, 'one subnet written in two ways'],
  [['1.2.3.4', '2a00:1:2:3::1'], ['5.6.7.8', '2a00:1:2:3::2'], true, 'one of two in common'],
  [['2a00::1'], ['2a00::2'], true, 'one subnet with zeros'],
])('%j and %j may share a place: %s (%s)', (own, other, expected) => {
  expect(maySharePlace(own, other)).toBe(expected)
})

it.each([
  ['1.2.3.4', ['5.6.7.8', '1.2.3.4'], true],
  ['1.2.3.5', ['1.2.3.4'], false],
  ['1.2.3.4', [], false],
  ['1.2.3.4', ['2a00::1'], false],
  ['2a00:1:2:3::9', ['2a00:1:2:3:4::1'], true],
  ['2a00:1:2:4::9', ['2a00:1:2:3:4::1'], false],
  ['1.2.3.4', ['nowhere'], false],
])('%s is told by %j: %s', (ip, egress, expected) => {
  expect(isOfPlace(ip, egress)).toBe(expected)
})
