import { describe, expect, it } from 'vitest'
import { FairPlaces } from './fair-places.ts'

/** How many places a client gets that takes all it can. */
function takeAll(places: FairPlaces, address: string | undefined): number {
  let count = 0
  while (places.take(address) !== undefined) count++
  return count
}

describe('FairPlaces', () => {
  it('gives a greedy client half of the places, the next one half of the rest', () => {
    const places = new FairPlaces(1_000)
    expect(['192.0.2.1', '192.0.2.2', undefined].map((one) => takeAll(places, one))).toEqual([500, 250, 125])
  })

  it('leaves a place for a client without any, until all are taken', () => {
    const places = new FairPlaces(10)
    for (let n = 0; n < 10; n++) expect(places.take(`192.0.2.${n}`)).toBeDefined()
    expect(places.take('192.0.2.10')).toBeUndefined()
  })

  it('gives places anew that were given back', () => {
    const places = new FairPlaces(1)
    for (let n = 0; n < 3; n++) {
      const giveBack = places.take('192.0.2.1')
      expect(places.take('192.0.2.2')).toBeUndefined()
      giveBack?.()
    }
    expect(places.take('192.0.2.2')).toBeDefined()
  })

  it('has the addresses of an IPv6 client for one client', () => {
    const places = new FairPlaces(4)
    expect([takeAll(places, '2001:db8::1'), takeAll(places, '2001:db8::2')]).toEqual([2, 0])
  })
})
