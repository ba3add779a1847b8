import { expect, it } from 'vitest'
import { isAlive, thisProcess } from './process-identity.ts'

it('takes a process for alive, but not one that had its id before, nor one that never was', () => {
  const self = thisProcess()
  expect(isAlive(self)).toBe(true)
  expect(isAlive({ ...self, startTime: self.startTime - 1 })).toBe(false)
  // Beyond the largest process id there can be (PID_MAX_LIMIT).
  expect(isAlive({ ...self, pid: 2 ** 22 + 1 })).toBe(false)
})
