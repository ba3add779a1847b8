import { describe, expect, it } from 'vitest'
import { clientKey } from './client-key.ts'
import { ClientRate } from './client-rate.ts'

function rateAt(perSecond: number) {
  const time = { now: 1_000 }
  const rate = new ClientRate(perSecond, () => time.now)
  const take = (count: number, address = '10.1.0.1') =>
    Array.from({ length: count }, () => rate.take(address))
  return { rate, time, take }
}

const answered = (verdicts: readonly string[]) => verdicts.filter((verdict) => verdict === 'answer').length

describe('ClientRate', () => {
  it('answers two seconds worth at once, then as many as the rate', () => {
    const { time, take } = rateAt(10)
    expect(answered(take(100))).toBe(20)

    time.now += 500
    expect(answered(take(100))).toBe(5)
    time.now += 3_600_000
    expect(answered(take(100))).toBe(20)
  })

  it('answers every second query above the rate truncated, and drops the others', () => {
    const { take } = rateAt(1)
    expect(take(6)).toEqual(['answer', 'answer', 'drop', 'truncate', 'drop', 'truncate'])
  })

  it('counts each client for itself', () => {
    const { take } = rateAt(1)
    take(10)
    expect(answered(take(1, '10.1.0.2'))).toBe(1)
  })

  it('remembers so many clients at most, and those that ask on', () => {
    const { rate, take } = rateAt(1)
    take(10)
    for (let n = 0; n < 100_000; n++) {
      rate.take(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)
      if (n % 1_000 === 0) expect(answered(take(1))).toBe(0)
    }
    expect(rate.clients).toBeLessThanOrEqual(16_384)
  })
})

it.each([
  ['10.1.0.1', '10.1.0.1'],
  ['::ffff:10.1.0.1', '10.1.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::5', '2001:db8:1:2'],
  ['2001:db8::3:4:5:6', '2001:db8:0:0'],
  ['2001:db8:1::4:5:6:7', '2001:db8:1:0'],
  ['1::2:3:4:5:6:7', '1:0:2:3'],
  ['2001:db8::', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('the client at %s is %s', (address, key) => {
  expect(clientKey(address)).toBe(key)
})
