import { describe, expect, it } from 'vitest'
import { LabError } from '../lab/errors.ts'
import { impairmentsOf, roundTrip } from './wan-spec.ts'

describe('the specification of an emulated link', () => {
  it('impairs nothing where nothing is given', () => {
    const none = { delayMs: 0, jitterMs: 0, lossPercent: 0, reorderPercent: 0, bitsPerSecond: 0 }
    expect(impairmentsOf({})).toMatchObject({ sent: none, received: none })
  })

  it('divides a round trip into two equal ways', () => {
    expect(roundTrip(50, { lossPercent: 1 })).toEqual({
      sent: { delayMs: 25, lossPercent: 1 },
      received: { delayMs: 25, lossPercent: 1 },
    })
  })

  it.each([
    [{ sent: { lossPercent: 101 } }, 'sent.lossPercent is 101, expected 0 to 100'],
    [{ received: { delayMs: -1 } }, 'received.delayMs is -1, expected 0 to 60000'],
    [{ sent: { bitsPerSecond: Number.NaN } }, 'sent.bitsPerSecond is NaN'],
    [{ sent: { reorderPercent: 5 } }, 'sent.reorderPercent needs a delayMs'],
  ])('refuses %j and says why', (spec, reason) => {
    expect(() => impairmentsOf(spec)).toThrow(LabError)
    expect(() => impairmentsOf(spec)).toThrow(reason)
  })
})
