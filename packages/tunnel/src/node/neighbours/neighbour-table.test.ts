import { describe, expect, it } from 'vitest'
import { MAX_ADDRESSES_OF_NEIGHBOUR, MAX_NEIGHBOURS, NeighbourTable } from './neighbour-table.ts'

const TTL_SECONDS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

function table(isMember = (_peerId: string): boolean => false) {
  const neighbours = new NeighbourTable(isMember)
  const note = (peerId: string, address: string, now = 0) =>
    neighbours.note({ peerId, cluster: 'c', port: 1, ttlSeconds: TTL_SECONDS }, address, now)
  return { neighbours, note }
}

const everywhere = (): boolean => true

describe('addresses of a neighbour', () => {
  it('come with the last seen first', () => {
    const { neighbours, note } = table()
    expect([note('p', 'a', 0), note('p', 'b', 1), note('p', 'a', 2)]).toEqual(['new', 'new', 'known'])
    expect(neighbours.addressesOf('p')).toEqual(['a', 'b'])
  })

  it('are few, and those of liars do not drive out what was there before', () => {
    const { neighbours, note } = table()
    note('p', 'true')
    for (let index = 0; index < 100; index++) note('p', `false-${index}`, index)
    expect(neighbours.addressesOf('p')).toHaveLength(MAX_ADDRESSES_OF_NEIGHBOUR)
    expect(neighbours.addressesOf('p')).toContain('true')
    expect(neighbours.addressesOf('p')[0]).toBe('false-99')
  })

  it('end with their time, and where their LAN is gone', () => {
    const { neighbours, note } = table()
    note('p', 'a')
    note('q', 'b', 500_000)
    expect(neighbours.prune(TTL_SECONDS * 1_000 - 1, everywhere)).toEqual([])
    expect(neighbours.prune(TTL_SECONDS * 1_000, everywhere)).toEqual(['p'])
    expect(neighbours.prune(TTL_SECONDS * 1_000, (address) => address !== 'b')).toEqual(['q'])
    expect(neighbours.size).toBe(0)
  })

  it('are asked for four times before that', () => {
    const { neighbours, note } = table()
    note('p', 'a')
    const asked = Array.from({ length: 100 }, (_, percent) => percent).filter(
      (percent) => neighbours.due(percent * 10_000, 12).length > 0,
    )
    expect(asked).toEqual([80, 85, 90, 95])
    note('p', 'a', 950_000)
    expect(neighbours.due(960_000, 12)).toEqual([])
  })
})

describe('an address where somebody else answered', () => {
  it('is not believed for a minute; others there are, and the peer elsewhere', () => {
    const { neighbours, note } = table()
    note('p', 'a')
    expect(neighbours.refute('p', 'a', 0)).toBe(true)
    expect([note('p', 'a', MINUTE_MS - 1), note('q', 'a', 1), note('p', 'b', 1)]).toEqual([
      'spoofed',
      'new',
      'new',
    ])
    expect(note('p', 'a', MINUTE_MS)).toBe('new')
  })

  it('is not believed for twice as long each time, up to an hour', () => {
    const { neighbours, note } = table()
    let now = 0
    const waits: number[] = []
    for (const _ of Array(8)) {
      note('p', 'a', now)
      neighbours.refute('p', 'a', now)
      let waitMs = 0
      while (note('p', 'a', now + waitMs) === 'spoofed') waitMs += MINUTE_MS
      waits.push(waitMs / MINUTE_MS)
      now += waitMs
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
  })

  it('is asked for once when it may be believed again', () => {
    const { neighbours, note } = table()
    note('p', 'a')
    neighbours.refute('p', 'a', 0)
    expect(neighbours.due(MINUTE_MS - 1, 12)).toEqual([])
    expect(neighbours.due(MINUTE_MS, 12)).toEqual(['p'])
    expect(neighbours.due(HOUR_MS, 12)).toEqual([])
  })

  it('was never announced if it is of the record', () => {
    const { neighbours, note } = table()
    note('p', 'a')
    expect(neighbours.refute('p', 'b', 0)).toBe(false)
    expect(neighbours.addressesOf('p')).toEqual(['a'])
  })
})

describe('a LAN with more than can be kept', () => {
  it('fills up with strangers, but members find room', () => {
    const { neighbours, note } = table((peerId) => peerId.startsWith('member'))
    for (let index = 0; index < MAX_NEIGHBOURS; index++) note(`stranger-${index}`, 'a')
    expect(note('one-more', 'a')).toBe('full')
    expect(note('member-1', 'a')).toBe('new')
    expect(neighbours.size).toBe(MAX_NEIGHBOURS)
    expect(neighbours.addressesOf('stranger-0')).toEqual([])
  })
})
