import { describe, expect, it } from 'vitest'
import { UNKNOWN_NAT } from '../../nat-type.ts'
import { hasReachChanged, type OwnReach } from './own-record.ts'

const reach: OwnReach = {
  lan: ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1'],
  direct: [],
  egress: ['8.8.8.8'],
  relays: [{ peerId: 'R1', addresses: ['/ip4/9.9.9.9/tcp/1'], rttMs: 100 }],
  nat: UNKNOWN_NAT,
}

function withRtt(rttMs: number): OwnReach {
  return { ...reach, relays: reach.relays.map((relay) => ({ ...relay, rttMs })) }
}

describe('how a node is reached', () => {
  it.each([
    ['an address more', { ...reach, lan: [...reach.lan, '/ip4/10.0.0.3/tcp/1'] }],
    ['an address less', { ...reach, lan: reach.lan.slice(1) }],
    ['another address', { ...reach, direct: ['/ip4/1.1.1.1/tcp/1'] }],
    ['another egress', { ...reach, egress: ['8.8.4.4'] }],
    ['a relay less', { ...reach, relays: [] }],
    ['another NAT', { ...reach, nat: { mapping: 'symmetric', filtering: 'drop' } as const }],
    ['another relay', { ...reach, relays: [{ ...reach.relays[0], peerId: 'R2' }] as OwnReach['relays'] }],
    ['a relay much farther', withRtt(131)],
  ])('has changed by %s', (_what, now) => {
    expect(hasReachChanged(now, reach)).toBe(true)
  })

  it.each([
    ['the order of addresses', { ...reach, lan: reach.lan.toReversed() }],
    ['a round trip longer by less than 30 %', withRtt(129)],
    ['a round trip shorter by less than 30 %', withRtt(71)],
  ])('has not changed by %s', (_what, now) => {
    expect(hasReachChanged(now, reach)).toBe(false)
  })

  it('has not changed by a short round trip that doubled', () => {
    expect(hasReachChanged(withRtt(40), withRtt(20))).toBe(false)
  })
})
