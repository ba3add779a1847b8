import { expect, it } from 'vitest'
import { Fields } from '../kubernetes/fields.ts'
import { LenientFields } from './lenient-fields.ts'
import { Problems } from './problems.ts'

it('looks through an object once, however many of its fields nobody knows', () => {
  let looks = 0
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1]))
  const counted = new Proxy(many, {
    ownKeys: (target) => {
      looks++
      return Reflect.ownKeys(target)
    },
  })
  const problems = new Problems()
  const fields = new LenientFields(new Fields(counted, 'spec'), problems)
  fields.refuse('x0', 'first')
  fields.refuse('absent')
  fields.refuseOthers()
  expect(looks).toBe(1)
  expect(problems.lines).toHaveLength(17)
  expect(problems.lines.slice(0, 2)).toEqual([
    'spec.x0: not supported, ignored (first)',
    'spec.x1: not supported, ignored',
  ])
  expect(problems.lines.at(-1)).toBe('984 more fields are ignored')
})
