import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { judgeSecondConnection, observedIp } from './registry-handshake.ts'

it.each([
  ['/ip4/192.0.2.1/tcp/4711', '192.0.2.1'],
  ['/ip6/2001:db8::1/tcp/4711', '2001:db8::1'],
  ['/ip6/::ffff:192.0.2.1/tcp/4711', '192.0.2.1'],
  ['/ip6/::ffff:c000:201/tcp/4711', '192.0.2.1'],
  ['/ip6/::ffff:0:1/tcp/4711', '0.0.0.1'],
])('a node at %s is seen at %s', (address, ip) => {
  expect(observedIp(multiaddr(address))).toBe(ip)
})

describe('a second connection of one process', () => {
  it('of an agent replaces the first one', () => {
    const former = { peerId: 'b', isServer: false, isDialled: false }
    expect(judgeSecondConnection(former, { isDialled: false }, 'a')).toBeUndefined()
  })

  it('between servers leaves the same one of two to both, whichever came first', () => {
    for (const isFirstOfA of [true, false]) {
      // Of the connections of a and b, the one that a made stays.
      const atA = judgeSecondConnection(
        { peerId: 'b', isServer: true, isDialled: isFirstOfA },
        { isDialled: !isFirstOfA },
        'a',
      )
      const atB = judgeSecondConnection(
        { peerId: 'a', isServer: true, isDialled: !isFirstOfA },
        { isDialled: isFirstOfA },
        'b',
      )
      expect([atA?.reason, atB?.reason]).toEqual(
        isFirstOfA ? ['duplicate', 'duplicate'] : [undefined, undefined],
      )
    }
  })
})
