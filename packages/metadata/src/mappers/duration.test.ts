import { describe, expect, it } from 'vitest'
import { parseDurationMs } from './duration.ts'

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1h', 3_600_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['250us', 0.25],
    ['250µs', 0.25],
  ])('%s is %d ms', (text, ms) => expect(parseDurationMs(text)).toBeCloseTo(ms, 9))

  it.each(['', '30', 's', '-1s', '1 s', '1d', '1s ', '1.2.3s', 'Infinitys', `${'1s'.repeat(50)}`])(
    'is not %j',
    (text) => expect(parseDurationMs(text)).toBeUndefined(),
  )
})
