import { describe, expect, it } from 'vitest'
import { Line } from './line.ts'
import { type Impairment, impairmentsOf, type WanDirection } from './wan-spec.ts'

/** A frame of 125 bytes is 1,000 bits. */
const FRAME_BYTES = 125

function impairmentOf(direction: WanDirection): Impairment {
  return impairmentsOf({ sent: direction }).sent
}

/** A line with what it delivered, by the first byte of each frame; `chances` are what its random source tells, in a cycle. */
function lineWith(direction: WanDirection, chances: readonly number[] = [0.5]) {
  const delivered: number[] = []
  let asked = 0
  const line = new Line(impairmentOf(direction), {
    deliver: (frame) => delivered.push(frame[0] ?? -1),
    random: () => chances[asked++ % chances.length] ?? 0,
  })
  const send = (number: number, now: number): void => line.send(Buffer.alloc(FRAME_BYTES, number), now)
  return { line, send, delivered }
}

describe('one direction of an emulated link', () => {
  it('passes a frame on at once where nothing is asked for', () => {
    const { line, send, delivered } = lineWith({})
    send(1, 0)
    expect(delivered).toEqual([1])
    expect(line.nextDueAt).toBeUndefined()
  })

  it('delivers each frame when its delay is over, and not before', () => {
    const { line, send, delivered } = lineWith({ delayMs: 10 })
    send(1, 0)
    send(2, 4)
    expect(line.nextDueAt).toBe(10)
    line.release(9.9)
    expect(delivered).toEqual([])
    line.release(10)
    expect(delivered).toEqual([1])
    expect(line.nextDueAt).toBe(14)
    line.release(20)
    expect(delivered).toEqual([1, 2])
  })

  it('keeps the bytes of a frame whose memory is used again', () => {
    const { line, delivered } = lineWith({ delayMs: 10 })
    const frame = Buffer.alloc(FRAME_BYTES, 1)
    line.send(frame, 0)
    frame.fill(9)
    line.release(10)
    expect(delivered).toEqual([1])
  })

  it('adds jitter without changing the order', () => {
    const { line, send, delivered } = lineWith({ delayMs: 10, jitterMs: 20 }, [1, 0])
    send(1, 0)
    send(2, 1)
    expect(line.nextDueAt).toBe(30)
    line.release(29)
    expect(delivered).toEqual([])
    line.release(30)
    expect(delivered).toEqual([1, 2])
  })

  it('loses the share that it is told', () => {
    const { send, delivered } = lineWith({ lossPercent: 25 }, [0.1, 0.3, 0.249, 0.25])
    for (const number of [1, 2, 3, 4]) send(number, 0)
    expect(delivered).toEqual([2, 4])
  })

  it('lets the share that it is told overtake', () => {
    const { line, send, delivered } = lineWith({ delayMs: 10, reorderPercent: 50 }, [0.9, 0.1])
    send(1, 0)
    send(2, 1)
    expect(delivered).toEqual([2])
    line.release(10)
    expect(delivered).toEqual([2, 1])
  })

  it('delivers what is due before a frame that overtakes', () => {
    const { send, delivered } = lineWith({ delayMs: 10, reorderPercent: 50 }, [0.9, 0.9, 0.1])
    send(1, 0)
    send(2, 5)
    send(3, 10)
    expect(delivered).toEqual([1, 3])
  })

  it('sends one frame after the other at its rate, each from when it came', () => {
    const { line, send, delivered } = lineWith({ bitsPerSecond: 1_000_000, delayMs: 10 })
    send(1, 0)
    send(2, 0)
    send(3, 5)
    const arrivals: number[] = []
    for (let due = line.nextDueAt; due !== undefined; due = line.nextDueAt) {
      arrivals.push(due)
      line.release(due)
    }
    expect(arrivals).toEqual([11, 12, 16])
    expect(delivered).toEqual([1, 2, 3])
  })

  it('drops what would wait longer than the queue allows', () => {
    const { line, send, delivered } = lineWith({ bitsPerSecond: 1_000_000, queueMs: 2 })
    for (const number of [1, 2, 3, 4, 5]) send(number, 0)
    send(6, 1.5)
    line.release(100)
    expect(delivered).toEqual([1, 2, 3, 6])
  })

  it('changes while frames are under way, which arrive in order and no later than new ones would', () => {
    const { line, send, delivered } = lineWith({ delayMs: 1_000 })
    send(1, 0)
    line.change(impairmentOf({ delayMs: 20 }), 100)
    expect(line.nextDueAt).toBe(120)
    send(2, 101)
    line.release(121)
    expect(delivered).toEqual([1, 2])
    line.change(impairmentOf({ delayMs: 40 }), 200)
    send(3, 200)
    expect(line.nextDueAt).toBe(240)
  })

  it('carries on in order after many thousand frames', () => {
    const { line, send, delivered } = lineWith({ delayMs: 100 })
    for (let now = 0; now < 20_000; now++) send(now % 256, now)
    line.release(30_000)
    expect(delivered).toEqual(Array.from({ length: 20_000 }, (_, index) => index % 256))
    expect(line.nextDueAt).toBeUndefined()
  })
})
