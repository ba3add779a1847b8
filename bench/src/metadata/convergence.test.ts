import { expect, it } from 'vitest'
import { flood } from './flood.ts'
import { live } from './life.ts'
import { periodsAt } from './periods.ts'

/** A seed of the environment is lived through instead, to see it once more. */
const { SEED } = process.env
const SEEDS = SEED === undefined ? [6, 7, Math.floor(Math.random() * 2 ** 31)] : [Number(SEED)]
/** How long it takes is measured by the bench `metadata`; here the machine may be as slow as it likes. */
const PERIODS = { ...periodsAt(270), convergeWithinMs: 20_000 }

it.concurrent.for(SEEDS)(
  'a view is equal to the cluster in the end, behind a MetaServer with all of its faults (SEED=%i)',
  { timeout: 90_000 },
  async (seed) => {
    const { failure, ...report } = await live({
      seed,
      operations: 300,
      restarts: 12,
      checks: 3,
      periods: PERIODS,
    })
    expect(failure).toBeUndefined()
    expect(report).toMatchObject({ operations: 300, restarts: 12 })
    expect(report).toMatchObject({ cloudcoreCrashes: 0, stalls: 0, lost: [] })
  },
)

it('MetaServer is read on while a consumer pauses, however much comes', { timeout: 90_000 }, async () => {
  expect(await flood()).toEqual({ stalls: 0, delivered: 300, consumed: 0, consumedInTheEnd: 300 })
})
