import { describe, expect, it } from 'vitest'
import { Acknowledgements } from './acknowledgements.ts'

/** Looks each 100 ms; `undefined` is the end of the silence. */
function lookAt(...counts: readonly (readonly [bytes: number, isAll: boolean] | undefined)[]) {
  const acknowledgements = new Acknowledgements()
  for (const [index, each] of counts.entries()) {
    if (each === undefined) acknowledgements.startAnew()
    else acknowledgements.look({ acknowledgedBytes: each[0], isAllAcknowledged: each[1] }, 100 * (index + 1))
  }
  return acknowledgements.at
}

describe('the other side', () => {
  it.each([
    ['has acknowledged all, the question with it', [[500, true]], 100],
    [
      'goes on acknowledging',
      [
        [500, true],
        [500, true],
        [530, true],
      ],
      300,
    ],
    [
      'acknowledges the more of much that was sent',
      [
        [500, false],
        [600, false],
      ],
      200,
    ],
  ] as const)('lives when it %s', (_how, counts, at) => {
    expect(lookAt(...counts)).toBe(at)
  })

  it.each([
    ['nothing since it was asked', [[500, false]]],
    [
      'nothing more of what was sent',
      [
        [500, false],
        [500, false],
        [500, false],
      ],
    ],
  ] as const)('gives no sign of life when it acknowledges %s', (_what, counts) => {
    expect(lookAt(...counts)).toBeUndefined()
  })

  it('has to acknowledge anew in another silence', () => {
    expect(lookAt([500, true], undefined)).toBeUndefined()
    expect(lookAt([500, true], undefined, [900, false])).toBeUndefined()
  })
})
