import { expect, it } from 'vitest'
import { refusalLog } from './refusal-log.ts'

it('tells of a refused peer once a minute for each reason, however often it comes', () => {
  const lines: unknown[] = []
  let now = 0
  const log = refusalLog({ warn: (_, fields) => lines.push(fields) }, () => now)
  for (const reason of ['revoked', 'revoked', 'expired', 'revoked']) log('refused', { peer: 'a', reason })
  log('refused', { peer: 'b', reason: 'revoked' })
  expect(lines).toEqual([
    { peer: 'a', reason: 'revoked' },
    { peer: 'a', reason: 'expired' },
    { peer: 'b', reason: 'revoked' },
  ])

  now = 60_000
  log('refused', { peer: 'a', reason: 'revoked' })
  expect(lines).toHaveLength(4)
})
