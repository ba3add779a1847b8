import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { descendantsOf, endAll } from './descendants.ts'

it('descendants are found at any depth, and end although one does not want to', async () => {
  const child = spawn(
    'sh',
    ['-c', 'sh -c "trap : TERM; sleep 600 & echo started; while :; do wait; done"; true'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  // All that have its output open have ended.
  const end = once(child, 'close')
  await once(child.stdout, 'data')
  const descendants = descendantsOf(child.pid ?? 0)
  expect(descendants).toHaveLength(2)

  await endAll(descendants, 0)
  await end
  expect(descendantsOf(child.pid ?? 0)).toEqual([])
  await endAll(descendants)
})
