import { isIPv6, SocketAddress } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ClientTexts } from './client-texts.ts'
import { encodeSocketAddress, FAMILY } from './socket-address.ts'

/** As the kernel writes it into memory that held another address before. */
function addressOf(ip: string, port: number) {
  const memory = Buffer.alloc(32, 0xff)
  encodeSocketAddress(ip, port).copy(memory)
  return { words: new Uint32Array(memory.buffer, memory.byteOffset, 8), offset: 0 }
}

const ADDRESSES_6 = [
  ...['::', '::1', 'fd00::1', '1::2:0:0:0', '1:0:0:2::3', '::ffff:192.0.2.1', 'fe80::1'],
  '2001:db8:1:2:3:4:5:6',
]

describe('ClientTexts', () => {
  it.each(['0.0.0.0', '10.1.2.3', '255.255.255.255', ...ADDRESSES_6])(
    "has %s as Node's sockets tell it, whatever the port",
    (ip) => {
      const texts = new ClientTexts(isIPv6(ip) ? FAMILY.IPV6 : FAMILY.IPV4)
      const expected = new SocketAddress({ address: ip, family: isIPv6(ip) ? 'ipv6' : 'ipv4' }).address

      expect(texts.textOf(addressOf(ip, 53))).toBe(expected)
      expect(texts.textOf(addressOf(ip, 65_535))).toBe(expected)
    },
  )

  it('tells clients apart that take one another’s place', () => {
    const [texts4, texts6] = [new ClientTexts(FAMILY.IPV4), new ClientTexts(FAMILY.IPV6)]
    for (let round = 0; round < 2; round++) {
      for (let client = 0; client < 5_000; client++) {
        const [high, low] = [client >> 8, client & 255]
        expect(texts4.textOf(addressOf(`10.0.${high}.${low}`, 1))).toBe(`10.0.${high}.${low}`)
        const ip6 = `fd00:${(client + 1).toString(16)}::${(client + 1).toString(16)}`
        expect(texts6.textOf(addressOf(ip6, 1))).toBe(ip6)
      }
    }
  })
})
