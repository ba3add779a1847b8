import { describe, expect, it } from 'vitest'
import { mappablePort } from './mappable-port.ts'

const portOf = (...listening: string[]): number | undefined =>
  mappablePort(new Set(listening), new Set(['10.244.1.1']))

describe('mappablePort', () => {
  it('is that of a private address', () => {
    expect(portOf('/ip4/127.0.0.1/tcp/20008', '/ip4/192.168.1.10/tcp/20008')).toBe(20_008)
    expect(portOf('/ip4/100.64.0.10/tcp/7')).toBe(7)
  })

  it.each([
    ['a public address is listened at, too', ['/ip4/192.168.1.10/tcp/1', '/ip4/45.80.0.1/tcp/1']],
    ['only this host is served', ['/ip4/127.0.0.1/tcp/1']],
    ['only pods are near', ['/ip4/10.244.1.1/tcp/1', '/ip4/169.254.96.16/tcp/1']],
    ['there is IPv6 only', ['/ip6/fd00::1/tcp/1']],
    ['nothing is listened at', []],
  ])('is none where %s', (_what, listening) => {
    expect(portOf(...listening)).toBeUndefined()
  })
})
