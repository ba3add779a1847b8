import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ProgressDeadline, patienceMs, StrictDeadline } from './patience.ts'

describe('how long a step may take', () => {
  it('is never less than the floor', () => {
    expect(patienceMs({ roundTrips: 1, rttMs: 1, floorMs: 5_000 })).toBe(5_000)
  })

  it('suffices for its round trips, and for a segment that is lost twice', () => {
    // Sent again after 1.5 s, and once more 3 s later.
    expect(patienceMs({ roundTrips: 3, rttMs: 500, floorMs: 0 })).toBe(1_500 + 1_500 + 3_000)
  })

  it('counts on the least pause before TCP sends again where round trips are short', () => {
    expect(patienceMs({ roundTrips: 1, rttMs: 10, floorMs: 0 })).toBe(10 + 3 * 210)
  })

  it('takes a way that was not measured for a slow one', () => {
    const step = { roundTrips: 2, floorMs: 0 }
    expect(patienceMs({ ...step, rttMs: undefined })).toBe(patienceMs({ ...step, rttMs: 500 }))
  })

  it('suffices for its bytes at 64 kbit/s', () => {
    const step = { roundTrips: 1, rttMs: 1, floorMs: 0 }
    expect(patienceMs({ ...step, bytes: 80_000 }) - patienceMs(step)).toBe(10_000)
  })
})

describe('a deadline that goes by progress', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function transport() {
    const target = new EventTarget()
    const receive = (bytes: number): void => {
      target.dispatchEvent(Object.assign(new Event('message'), { data: new Uint8Array(bytes) }))
    }
    const deadline = new ProgressDeadline([target as never], 1_000)
    return { deadline, receive, drain: () => target.dispatchEvent(new Event('drain')) }
  }

  it('is there after so long without a byte', async () => {
    const { deadline } = transport()
    await vi.advanceTimersByTimeAsync(999)
    expect(deadline.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(deadline.signal.reason).toMatchObject({ name: 'TimeoutError' })
  })

  it('is put off as long as bytes come, or go', async () => {
    const { deadline, receive, drain } = transport()
    for (const moved of [() => receive(1_000), drain, () => receive(64)]) {
      await vi.advanceTimersByTimeAsync(900)
      moved()
    }
    await vi.advanceTimersByTimeAsync(900)
    expect(deadline.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(100)
    expect(deadline.signal.aborted).toBe(true)
  })

  it('is not put off by a multiplexer that says no more than that it lives', async () => {
    const { deadline, receive } = transport()
    await vi.advanceTimersByTimeAsync(900)
    receive(40)
    await vi.advanceTimersByTimeAsync(100)
    expect(deadline.signal.aborted).toBe(true)
  })

  it('is there in the end, whatever comes', async () => {
    const { deadline, receive } = transport()
    for (let second = 0; second < 600; second++) {
      await vi.advanceTimersByTimeAsync(500)
      receive(1_000)
    }
    expect(deadline.signal.aborted).toBe(true)
  })

  it('never comes once it was disposed of', async () => {
    const { deadline } = transport()
    deadline[Symbol.dispose]()
    await vi.advanceTimersByTimeAsync(1_000_000)
    expect(deadline.signal.aborted).toBe(false)
  })
})

describe('a deadline for strangers', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('goes by what is known of the way when the floor is reached', async () => {
    let known = 0
    const short = new StrictDeadline(1_000, () => known)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(short.signal.aborted).toBe(true)

    const long = new StrictDeadline(1_000, () => known)
    known = 3_000
    await vi.advanceTimersByTimeAsync(2_999)
    expect(long.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(long.signal.reason).toMatchObject({ name: 'TimeoutError' })
  })

  it('never comes once it was disposed of, before or after the floor', async () => {
    const deadlines = [new StrictDeadline(1_000, () => 5_000), new StrictDeadline(2_000, () => 5_000)]
    await vi.advanceTimersByTimeAsync(1_500)
    for (const deadline of deadlines) deadline[Symbol.dispose]()
    await vi.advanceTimersByTimeAsync(100_000)
    expect(deadlines.map(({ signal }) => signal.aborted)).toEqual([false, false])
  })
})
