import { expect, it } from 'vitest'
import { CodecBorder } from './codec-border.ts'

it('answers or drops whatever comes, from clients and from upstreams, and keeps nothing of it', async () => {
  using border = new CodecBorder(1)
  const { outcomes, replies, series, cacheBytes } = await border.run(50_000)

  for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(1_000)
  expect(replies.taken).toBeGreaterThan(1_000)
  // Of zones, codes, types and transports there are so many; most never occur together.
  expect(series).toBeLessThan(300)
  expect(cacheBytes).toBeLessThanOrEqual(1_000_000)
}, 120_000)
