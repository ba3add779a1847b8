import { expect, it } from 'vitest'
import { ByteRate } from './byte-rate.ts'

const RATE = 8_000_000
const BYTES_PER_MS = 1_000

it('lets a burst pass, then asks for the time that the bytes take at the rate', () => {
  let now = 0
  const rate = new ByteRate(RATE, 100, () => now)

  expect(rate.take(100 * BYTES_PER_MS)).toBe(0)
  expect(rate.take(10 * BYTES_PER_MS)).toBe(10)
  expect(rate.take(10 * BYTES_PER_MS)).toBe(20)
  now = 20
  expect(rate.take(5 * BYTES_PER_MS)).toBe(5)
})

it('saves up no more than one burst', () => {
  let now = 0
  const rate = new ByteRate(RATE, 100, () => now)
  rate.take(50 * BYTES_PER_MS)
  now = 1_000_000

  expect(rate.take(101 * BYTES_PER_MS)).toBe(1)
})

it('keeps the rate for any number of readers that wait as told', () => {
  let now = 0
  const rate = new ByteRate(RATE, 100, () => now)
  const readers = Array.from({ length: 7 }, () => ({ nextAt: 0, bytes: 0 }))
  for (; now < 10_000; now++) {
    for (const reader of readers.filter(({ nextAt }) => nextAt <= now)) {
      reader.bytes += 16_384
      reader.nextAt = now + rate.take(16_384)
    }
  }

  const shares = readers.map(({ bytes }) => bytes)
  const total = shares.reduce((sum, bytes) => sum + bytes, 0)
  expect(total).toBeLessThanOrEqual((10_000 + 100) * BYTES_PER_MS + 7 * 16_384)
  expect(total).toBeGreaterThan(9_900 * BYTES_PER_MS)
  expect(Math.max(...shares) / Math.min(...shares)).toBeLessThan(1.1)
})
