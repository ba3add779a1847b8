import { expect, it } from 'vitest'
import { OfferLimit } from './offer-limit.ts'

function taken(limit: OfferLimit, peerId: string, offers: number): number {
  return Array.from({ length: offers }, () => limit.take(peerId)).filter(Boolean).length
}

it('a peer has six offers at once, and three a minute after that', () => {
  let now = 1_000_000
  const limit = new OfferLimit(() => now)
  expect(taken(limit, 'a', 10)).toBe(6)
  now += 60_000
  expect(taken(limit, 'a', 10)).toBe(3)
  now += 3_600_000
  expect(taken(limit, 'a', 10)).toBe(6)
})

it('no peer takes the offers of another one', () => {
  const limit = new OfferLimit(() => 1_000_000)
  taken(limit, 'a', 10)
  expect(taken(limit, 'b', 10)).toBe(6)
})
