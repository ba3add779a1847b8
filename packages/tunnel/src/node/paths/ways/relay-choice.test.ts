import { expect, it } from 'vitest'
import { type OwnRelay, rankRelays } from './relay-choice.ts'

const relay = (peerId: string, rttMs: number): OwnRelay => ({ peerId, rttMs })

/** @param own - capital letters are suspect */
function ranked(own: OwnRelay[], peer: OwnRelay[], inUse?: string): string {
  const joined = own.map((each) => ({ ...each, isSuspect: /[A-Z]/.test(each.peerId) }))
  return rankRelays(joined, peer, inUse)
    .map(({ peerId }) => peerId)
    .join('')
}

it('prefers the shortest way through, not the nearest relay', () => {
  expect(ranked([relay('a', 10), relay('b', 30)], [relay('a', 100), relay('b', 20)])).toBe('ba')
})

it('stays with the relay in use while another is no more than a little better', () => {
  const own = [relay('a', 50), relay('b', 45)]
  const peer = [relay('a', 50), relay('b', 45)]
  expect(ranked(own, peer)).toBe('ba')
  expect(ranked(own, peer, 'a')).toBe('ab')
  // 8 ms of 10 is a large share and a short time.
  expect(ranked([relay('a', 10), relay('b', 2)], [relay('a', 0), relay('b', 0)], 'a')).toBe('ab')
})

it('leaves the relay in use for one that is clearly better', () => {
  expect(ranked([relay('a', 50), relay('b', 20)], [relay('a', 50), relay('b', 20)], 'a')).toBe('ba')
})

it('tries relays that the peer is not known at last', () => {
  expect(ranked([relay('a', 1), relay('b', 90)], [relay('b', 90)])).toBe('ba')
  expect(ranked([relay('a', 1), relay('b', 90)], [relay('b', 90)], 'a')).toBe('ba')
  expect(ranked([relay('a', 9), relay('b', 1)], [])).toBe('ba')
})

it('tries a relay that is suspect when there is no other', () => {
  const own = [relay('A', 1), relay('b', 90), relay('c', 100)]
  expect(ranked(own, [relay('A', 1), relay('b', 1)], 'A')).toBe('bcA')
  expect(ranked([relay('A', 1)], [relay('A', 1)], 'A')).toBe('A')
})

it('takes a time that was not measured for a long one', () => {
  expect(ranked([relay('a', Number.NaN), relay('b', 300)], [relay('a', 5), relay('b', 5)])).toBe('ba')
})

it('ranks nothing where there is nothing', () => {
  expect(ranked([], [relay('a', 1)], 'a')).toBe('')
})
