import { describe, expect, it } from 'vitest'
import { AnnouncedRelays, KEEP_LOST_MS, KEEP_RTT_MS } from './announced-relays.ts'

const relayAt = (peerId: string, rttMs: number) => ({ peerId, addresses: [`/dns4/${peerId}/tcp/1`], rttMs })

describe('the relays that a node announces', () => {
  it('are the same while a tunnel server restarts, however slow it is then', () => {
    const relays = new AnnouncedRelays()
    const before = relays.update([relayAt('a', 5), relayAt('b', 9)], 0)
    expect(relays.update([relayAt('b', 9)], 1_000)).toEqual(before)
    expect(relays.update([relayAt('b', 9), relayAt('a', 900)], 8_000)).toEqual(before)
    expect(relays.update([relayAt('b', 9), relayAt('a', 6)], 20_000)).toEqual(before)
  })

  it('lack a server that stays away', () => {
    const relays = new AnnouncedRelays()
    relays.update([relayAt('a', 5), relayAt('b', 9)], 0)
    relays.update([relayAt('b', 9)], 1_000)
    expect(relays.update([relayAt('b', 9)], 1_000 + KEEP_LOST_MS)).toEqual([relayAt('b', 9)])
  })

  it('have a new server at once', () => {
    const relays = new AnnouncedRelays()
    relays.update([relayAt('a', 5)], 0)
    expect(relays.update([relayAt('a', 5), relayAt('b', 9)], 1)).toEqual([relayAt('a', 5), relayAt('b', 9)])
  })

  it('have another round-trip time once that has lasted', () => {
    const relays = new AnnouncedRelays()
    relays.update([relayAt('a', 5)], 0)
    expect(relays.update([relayAt('a', 80)], 1_000)).toEqual([relayAt('a', 5)])
    expect(relays.update([relayAt('a', 80)], 1_000 + KEEP_RTT_MS)).toEqual([relayAt('a', 80)])
  })

  it('follow a server that moves', () => {
    const relays = new AnnouncedRelays()
    relays.update([relayAt('a', 5)], 0)
    const moved = { ...relayAt('a', 5), addresses: ['/dns4/elsewhere/tcp/1'] }
    expect(relays.update([moved], 1)).toEqual([moved])
  })
})
