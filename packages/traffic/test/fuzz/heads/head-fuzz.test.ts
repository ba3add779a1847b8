import { expect, it } from 'vitest'
import { fuzzHeads } from './head-fuzz.ts'

it('accepts nothing that can be read in two ways, and passes on what it accepted', () => {
  const { accepted, refused } = fuzzHeads(1, 0, 100_000)

  expect(accepted).toBeGreaterThan(10_000)
  expect(refused).toBeGreaterThan(10_000)
}, 60_000)
