import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LeftAlone } from './left-alone.ts'

const ADDRESS = '/ip4/192.168.1.11/tcp/20008'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('leaves an address alone where nobody answered: longer each time, up to a maximum', () => {
  const leftAlone = new LeftAlone(3_000)
  const waits = [1_000, 2_000, 3_000, 3_000]
  for (const ms of waits) {
    leftAlone.failed('edge-2', ADDRESS, 'unreachable')
    vi.advanceTimersByTime(ms - 1)
    expect(leftAlone.isFree('edge-2', ADDRESS)).toBe(false)
    vi.advanceTimersByTime(1)
    expect(leftAlone.isFree('edge-2', ADDRESS)).toBe(true)
  }
  leftAlone.answered('edge-2', ADDRESS)
  leftAlone.failed('edge-2', ADDRESS, 'unreachable')
  vi.advanceTimersByTime(1_000)
  expect(leftAlone.isFree('edge-2', ADDRESS)).toBe(true)
})

it('leaves a stranger alone for long, and only for that peer', () => {
  const leftAlone = new LeftAlone(30_000)
  leftAlone.failed('edge-2', ADDRESS, 'wrong-identity')
  vi.advanceTimersByTime(500_000)

  expect(leftAlone.isFree('edge-2', ADDRESS)).toBe(false)
  expect(leftAlone.isFree('edge-3', ADDRESS)).toBe(true)
})

it('frees all addresses of a peer that has others now, and all of everyone when asked', () => {
  const leftAlone = new LeftAlone(30_000)
  for (const peer of ['edge-2', 'edge-3']) {
    leftAlone.note(peer, 'first')
    leftAlone.failed(peer, ADDRESS, 'wrong-identity')
  }
  leftAlone.note('edge-2', 'first')
  expect(leftAlone.isFree('edge-2', ADDRESS)).toBe(false)
  leftAlone.note('edge-2', 'second')
  expect(leftAlone.isFree('edge-2', ADDRESS)).toBe(true)
  expect(leftAlone.isFree('edge-3', ADDRESS)).toBe(false)
  leftAlone.clear(true)
  expect(leftAlone.isFree('edge-3', ADDRESS)).toBe(true)
})

it('frees what nobody answered at, and no stranger, when this host is where it was', () => {
  const leftAlone = new LeftAlone(30_000)
  leftAlone.failed('edge-2', ADDRESS, 'wrong-identity')
  leftAlone.failed('edge-2', '/ip4/45.80.0.9/tcp/20008', 'unreachable')
  leftAlone.clear(false)

  expect(leftAlone.isFree('edge-2', ADDRESS)).toBe(false)
  expect(leftAlone.isFree('edge-2', '/ip4/45.80.0.9/tcp/20008')).toBe(true)
})

it('leaves punching alone for half a minute at first, and for an hour at last', () => {
  const leftAlone = new LeftAlone(30_000)
  for (const seconds of [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]) {
    leftAlone.failed('edge-2', 'punching', 'failed')
    vi.advanceTimersByTime(seconds * 1_000 - 1)
    expect(leftAlone.isFree('edge-2', 'punching')).toBe(false)
    vi.advanceTimersByTime(1)
    expect(leftAlone.isFree('edge-2', 'punching')).toBe(true)
  }
})

it('frees now and then what a peer fails with that tells other addresses all the time', () => {
  const leftAlone = new LeftAlone(30_000)
  let attempts = 0
  for (let second = 0; second < 300; second++) {
    leftAlone.note('edge-2', `edition ${second}`)
    if (leftAlone.isFree('edge-2', ADDRESS)) {
      attempts++
      leftAlone.failed('edge-2', ADDRESS, 'wrong-identity')
    }
    vi.advanceTimersByTime(1_000)
  }
  // At once for some times, and then every 10 s.
  expect(attempts).toBe(1 + 5 + 29)
})
