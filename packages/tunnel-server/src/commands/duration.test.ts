import { expect, it } from 'vitest'
import { parseDuration } from './duration.ts'

it.each([
  ['1m', 60],
  ['90m', 5_400],
  ['24h', 86_400],
  ['30d', 2_592_000],
  ['3650d', 315_360_000],
])('reads %s', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds)
})

it.each(['', '5', '0h', '-1h', '1.5h', '24 h', '24H', '10s', '1w', '3651d', '99999999m', 'h', '1h30m'])(
  'does not take %j',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)
