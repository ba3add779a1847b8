import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { isPublic } from './addresses.ts'

describe('isPublic', () => {
  it.each(['/ip4/45.80.0.10/tcp/20008', '/ip6/2a01:4f8::1/tcp/20008', '/dns4/node.example.com/tcp/20008'])(
    'takes %s for the same host everywhere',
    (address) => {
      expect(isPublic(multiaddr(address))).toBe(true)
    },
  )

  it.each([
    '/ip4/192.168.1.10/tcp/20008',
    '/ip4/10.244.1.1/tcp/20008',
    '/ip4/127.0.0.1/tcp/20008',
    '/ip4/100.64.0.1/tcp/20008',
    '/ip6/::1/tcp/20008',
    '/ip6/::ffff:45.80.0.10/tcp/20008',
    '/ip6/fd00::1/tcp/20008',
  ])('does not take %s for one', (address) => {
    expect(isPublic(multiaddr(address))).toBe(false)
  })
})
