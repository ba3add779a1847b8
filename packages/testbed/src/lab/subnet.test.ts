import { describe, expect, it } from 'vitest'
import { formatSubnet, hasHost, hostAt, macOf, overlap, parseSubnet } from './subnet.ts'

describe('parseSubnet', () => {
  it('reads CIDR text that formatSubnet writes', () => {
    for (const text of ['10.0.0.0/8', '45.80.0.0/24', '192.168.1.128/25', '240.0.0.0/30'])
      expect(formatSubnet(parseSubnet(text))).toBe(text)
  })

  it.each([
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/31',
    '10.0.0.1/24',
    '10.0.0/24',
    'fd00::/64',
    '10.0.0.0/x',
  ])('refuses %j', (text) => {
    expect(() => parseSubnet(text)).toThrow(/subnet/)
  })
})

describe('hosts of a subnet', () => {
  const subnet = parseSubnet('192.168.255.0/30')

  it('are all addresses but the first and the last', () => {
    expect([hostAt(subnet, 1), hostAt(subnet, 2)]).toEqual(['192.168.255.1', '192.168.255.2'])
    expect(() => hostAt(subnet, 0)).toThrow('no host 0')
    expect(() => hostAt(subnet, 3)).toThrow('no host 3')
  })

  it('are told from other addresses', () => {
    const addresses = [
      '192.168.255.0',
      '192.168.255.1',
      '192.168.255.2',
      '192.168.255.3',
      '192.168.254.1',
      'x',
    ]
    expect(addresses.map((address) => hasHost(subnet, address))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ])
  })
})

it('finds overlapping subnets in either order', () => {
  const [wide, narrow, other] = ['10.1.0.0/16', '10.1.2.0/24', '10.2.0.0/24'].map(parseSubnet)
  if (wide === undefined || narrow === undefined || other === undefined) throw new Error('three were given')
  expect([overlap(wide, narrow), overlap(narrow, wide), overlap(wide, wide)]).toEqual([true, true, true])
  expect([overlap(wide, other), overlap(narrow, other)]).toEqual([false, false])
})

it('makes a locally administered unicast MAC address of an IP address', () => {
  expect(macOf('10.1.0.255')).toBe('0a:58:0a:01:00:ff')
})
