import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressRange, isVirtualRange } from './address-range.ts'

describe('a range of addresses', () => {
  it.each([
    ['240.240.0.0/16', 'IPv4', 65_534, '240.240.0.1', '240.240.255.254'],
    ['10.0.0.4/30', 'IPv4', 2, '10.0.0.5', '10.0.0.6'],
    ['255.0.0.0/8', 'IPv4', 16_777_214, '255.0.0.1', '255.255.255.254'],
    ['fd00:e:1::/64', 'IPv6', 2 ** 32 - 2, 'fd00:e:1::1', 'fd00:e:1::ffff:fffe'],
    ['2001:db8::4/126', 'IPv6', 2, '2001:db8::5', '2001:db8::6'],
  ] as const)('%s begins and ends where it should', (...[text, family, size, first, last]) => {
    const range = AddressRange.parse(text, family)
    expect([range.size, range.addressAt(0), range.addressAt(size - 1)]).toEqual([size, first, last])
  })

  it('finds the number of each of its addresses, and of no other', () => {
    for (const [text, family] of [
      ['240.240.0.0/16', 'IPv4'],
      ['fd00:e:1::/64', 'IPv6'],
    ] as const) {
      const range = AddressRange.parse(text, family)
      fc.assert(
        fc.property(fc.nat({ max: range.size - 1 }), (number) => {
          expect(range.numberOf(range.addressAt(number))).toBe(number)
        }),
      )
    }
    const range = AddressRange.parse('240.240.0.0/16', 'IPv4')
    for (const ip of ['240.240.0.0', '240.240.255.255', '240.241.0.1', 'fd00::1', 'nonsense'])
      expect(range.numberOf(ip)).toBeUndefined()
  })

  it('knows which addresses are within, also those that it gives to nobody', () => {
    const range = AddressRange.parse('240.240.0.0/16', 'IPv4')
    expect(['240.240.0.0', '240.240.9.9', '240.241.0.0', 'fd00::1'].map((ip) => range.contains(ip))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  it.each([
    ['', 'IPv4'],
    ['240.240.0.0', 'IPv4'],
    ['240.240.0.0/', 'IPv4'],
    ['240.240.0.1/16', 'IPv4'],
    ['240.240.0/16', 'IPv4'],
    ['240.240.0.0/33', 'IPv4'],
    ['240.240.0.0/31', 'IPv4'],
    ['240.0.0.0/4', 'IPv4'],
    ['fd00:e:1::/64', 'IPv4'],
    ['127.1.0.0/16', 'IPv4'],
    ['169.254.0.0/16', 'IPv4'],
    ['239.0.0.0/8', 'IPv4'],
    ['240.240.0.0/16', 'IPv6'],
    ['fd00:e:1::1/64', 'IPv6'],
    ['fd00:e:1::/127', 'IPv6'],
    ['fe80::/64', 'IPv6'],
    ['ff02::/16', 'IPv6'],
    ['::/8', 'IPv6'],
    ['fd00:e:1::%eth0/64', 'IPv6'],
  ] as const)('is not %s of %s, which is refused with field and value', (text, family) => {
    expect(isVirtualRange(text, family)).toBe(false)
    expect(() => AddressRange.parse(text, family)).toThrow(
      `virtualAddresses.${family.toLowerCase()}: expected an ${family} range that pods can call`,
    )
    expect(() => AddressRange.parse(text, family)).toThrow(`found "${text}"`)
  })

  it('may be off', () => {
    expect(isVirtualRange('off', 'IPv4')).toBe(true)
  })
})
