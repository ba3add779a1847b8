import type { ServicePortName } from '@edgeway/core'
import { expect, it } from 'vitest'
import { EarlyTurns, MAX_EARLY_DIALS } from './early-turns.ts'

const NAME = 'shop/web:main' as ServicePortName

it('as many have a turn as may, whatever is left of a line that was over', async () => {
  const turns = new EarlyTurns()
  let underWay = 0
  const take = (): Disposable => turns.take(NAME, () => void underWay++)
  const takeMany = (): Disposable[] => Array.from({ length: MAX_EARLY_DIALS }, take)

  const left = take()
  queueMicrotask(takeMany)
  left[Symbol.dispose]()
  await new Promise(setImmediate)
  takeMany()
  await new Promise(setImmediate)

  expect(underWay).toBe(MAX_EARLY_DIALS)
})
