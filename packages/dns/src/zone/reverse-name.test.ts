import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isReverseName, reverseNameOf } from './reverse-name.ts'

/** As `canonicalIp` of metadata has it: groups of hexadecimal digits, the longest run of zeros left out. */
const canonical = (ip: string): string => new URL(`http://[${ip}]`).hostname.slice(1, -1)

describe('reverseNameOf', () => {
  it('has the nibbles of any IPv6 address in reverse order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 0xab, 0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
        const hex = groups.map((group) => group.toString(16).padStart(4, '0'))
        const name = reverseNameOf(canonical(hex.join(':')))
        expect(name).toBe(`${[...hex.join('')].toReversed().join('.')}.ip6.arpa`)
        expect(isReverseName(name.split('.'))).toBe(true)
      }),
    )
  })

  it('has the numbers of any IPv4 address in reverse order', () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)), ([a, b, c, d]) => {
        const name = reverseNameOf(`${a}.${b}.${c}.${d}`)
        expect(name).toBe(`${d}.${c}.${b}.${a}.in-addr.arpa`)
        expect(isReverseName(name.split('.'))).toBe(true)
      }),
    )
  })
})
