/** Random objects and patches against models that know nothing of patches: they work on what the objects mean. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { builtinSchema } from '../schema/builtin-schema.ts'
import { inKeyOrder, ordersIn } from './fuzz/compare.ts'
import { changesOf, patchOf, performed } from './fuzz/edits.ts'
import { DEPLOYMENT, type Fields, mapsOf, type Value } from './fuzz/shape.ts'
import { applied, applyPatchOf } from './fuzz/three-way.ts'
import { applyStrategicMergePatch } from './strategic-merge.ts'

const SCHEMA = builtinSchema('V1Deployment')
/** Set it to replay a run; the names of the tests say what it was. */
const SEED = Number(process.env['EDGEWAY_FUZZ_SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
const RUNS = { numRuns: 500, seed: SEED }

function expectSame(patched: Value, expected: Value): void {
  expect(inKeyOrder(DEPLOYMENT, patched)).toEqual(inKeyOrder(DEPLOYMENT, expected))
}

/** The order of the items of `expected` that are in `order`. */
function only(items: readonly Value[] | undefined, order: readonly Value[]): readonly Value[] {
  return (items ?? []).filter((item) => order.includes(item))
}

describe(`a strategic merge patch (EDGEWAY_FUZZ_SEED=${SEED})`, () => {
  it('does what was wanted, whatever is wanted of whatever there is', () => {
    fc.assert(
      fc.property(mapsOf(DEPLOYMENT), changesOf(DEPLOYMENT), (object, edit) => {
        const { deployment: patch } = patchOf(edit, 'deployment')
        expectSame(applyStrategicMergePatch(object, patch as Fields, SCHEMA), performed(edit, object))
      }),
      RUNS,
    )
  })

  it('as kubectl apply sends it leads to what is wanted, with what others wrote, in the order that is wanted', () => {
    const objects = mapsOf(DEPLOYMENT)
    fc.assert(
      fc.property(objects, objects, objects, (last, wanted, live) => {
        const patch = applyPatchOf(DEPLOYMENT, { last, wanted, live })
        const patched = applyStrategicMergePatch(live, patch, SCHEMA)
        expectSame(patched, applied(DEPLOYMENT, { last, wanted, live }))

        const orders = ordersIn(DEPLOYMENT, patched)
        for (const [path, order] of ordersIn(DEPLOYMENT, wanted))
          expect(only(orders.get(path), order), path).toEqual(order)
      }),
      RUNS,
    )
  })

  it('that kubectl apply would send a second time changes nothing', () => {
    const objects = mapsOf(DEPLOYMENT)
    fc.assert(
      fc.property(objects, objects, objects, (last, wanted, live) => {
        const first = applyPatchOf(DEPLOYMENT, { last, wanted, live })
        const patched = applyStrategicMergePatch(live, first, SCHEMA)
        const second = applyPatchOf(DEPLOYMENT, { last: wanted, wanted, live: patched })
        expect(applyStrategicMergePatch(patched, second, SCHEMA)).toEqual(patched)
      }),
      RUNS,
    )
  })
})
