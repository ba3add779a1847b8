import { describe, expect, it } from 'vitest'
import { weighted } from './test/candidates.ts'
import { WeightedRandom } from './weighted-random.ts'

describe('WeightedRandom', () => {
  it('gives each candidate the part of chance that its weight says', () => {
    const candidates = weighted({ a: 1, b: 3 })
    const pickAt = (chance: number): string => new WeightedRandom(() => chance).pick(candidates).key

    expect([0, 0.24, 0.25, 0.5, 0.99].map(pickAt)).toEqual(['a', 'a', 'b', 'b', 'b'])
  })
})
