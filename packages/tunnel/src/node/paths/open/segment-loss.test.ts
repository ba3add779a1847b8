import { expect, it } from 'vitest'
import { SegmentLoss } from './segment-loss.ts'

function lossOf(...samples: readonly (readonly [sent: number, sentAgain: number])[]): number | undefined {
  const loss = new SegmentLoss()
  for (const [sent, sentAgain] of samples) loss.add({ sent, sentAgain })
  return loss.share
}

it('loss is the share of segments that were sent again', () => {
  expect(lossOf([100, 5])).toBe(0.05)
  expect(lossOf([100, 0], [200, 0])).toBe(0)
})

it('loss is not known while little was sent', () => {
  expect(lossOf()).toBeUndefined()
  expect(lossOf([19, 19])).toBeUndefined()
})

it('loss that has ended counts for less and less', () => {
  const shares = [1, 5, 20].map((samples) =>
    lossOf([1_000, 100], ...Array.from({ length: samples }, (_, i) => [1_100 + i * 100, 100] as const)),
  )
  expect(shares.map((share) => share?.toFixed(3))).toEqual(['0.083', '0.014', '0.000'])
})

it('loss is known across an overflow of the counters', () => {
  expect(lossOf([2 ** 32 - 10, 0], [90, 0])).toBeCloseTo(0)
})

it('what was sent again into a silence does not count once that has ended', () => {
  const loss = new SegmentLoss()
  loss.add({ sent: 100, sentAgain: 0 })
  loss.startAnew()
  loss.add({ sent: 120, sentAgain: 20 })
  expect(loss.share).toBeUndefined()
  loss.add({ sent: 220, sentAgain: 20 })
  expect(loss.share).toBe(0)
})
