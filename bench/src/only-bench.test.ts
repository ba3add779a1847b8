import { expect, it } from 'vitest'
import { takeOnlyPlace } from './only-bench.ts'

it('a second bench waits, and says so, until the first has ended', async () => {
  const lock = `\0edgeway-bench-test-${process.pid}`
  const order: string[] = []
  const first = await takeOnlyPlace(() => order.push('first waits'), lock)
  const second = takeOnlyPlace(() => {
    order.push('second waits')
    first[Symbol.dispose]()
  }, lock)
  ;(await second)[Symbol.dispose]()
  expect(order).toEqual(['second waits'])
})
