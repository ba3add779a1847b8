import { GRID_KINDS, GRID_PAIRS, type GridKind, isPunchable, PunchGrid, roundTrip } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatNatType, natTypeOf } from '../../src/nat-type.ts'

const PROGRAM = new URL('./grid-node.ts', import.meta.url).pathname

const ROUND_TRIP_MS = 20

/** What a node finds out about the NATs before it. */
const TYPES: Record<GridKind, string> = {
  'endpoint-independent': 'endpoint-independent/drop',
  rejecting: 'endpoint-independent/reject',
  'port-changing': 'endpoint-independent/drop',
  'address-restricted': 'endpoint-independent/open',
  'full-cone': 'endpoint-independent/open',
  hairpinning: 'endpoint-independent/drop',
  symmetric: 'symmetric/drop',
  double: 'endpoint-independent/drop',
}

describe('a punch', () => {
  let grid: PunchGrid

  beforeAll(async () => {
    grid = await PunchGrid.start(PROGRAM)
    // A link to the internet at each side. Without it, two sides that refuse what comes too early meet by luck alone.
    const link = roundTrip(ROUND_TRIP_MS / 2)
    await Promise.all(grid.routers.map((router) => grid.lab.emulateWan(router, link)))
  })
  afterAll(() => grid?.[Symbol.asyncDispose]())

  it.each(GRID_KINDS)('goes by what reflectors say of the NAT: %s', async (kind) => {
    expect(formatNatType(natTypeOf(await grid.natType(kind)))).toBe(TYPES[kind])
  })

  it.each(GRID_PAIRS)('opens a path between %s and %s if there can be one', async (left, right) => {
    const { outcome, path } = await grid.punch(left, right)
    const expected = isPunchable(left, right) ? ['punched', 'punched'] : ['useless', undefined]
    expect([outcome, path]).toEqual(expected)
  })
})
