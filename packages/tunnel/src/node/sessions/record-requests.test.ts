import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextRequestSize, RecordRequests } from './record-requests.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const KEYS = Array.from({ length: 100 }, (_, index) => `key-${index}`)

/** What was asked for so far, request by request. */
function requests(rttMs = 0): { requests: RecordRequests; asked: string[][] } {
  const asked: string[][] = []
  return { requests: new RecordRequests(rttMs, (keys) => void asked.push([...keys])), asked }
}

describe('what a node lacks of a server’s records', () => {
  it('is asked for bit by bit: the next when the last has come', () => {
    const { requests: some, asked } = requests()
    some.add(KEYS)
    expect(asked.flat()).toHaveLength(16)
    for (const key of asked[0] ?? []) some.received(key)
    expect(asked).toHaveLength(2)
    expect(asked[1]).not.toContain('key-0')
    some[Symbol.dispose]()
  })

  it('comes completely, and nothing of it twice', () => {
    const { requests: some, asked } = requests()
    some.add(KEYS)
    for (let done = 0; done < asked.length; done++) for (const key of asked[done] ?? []) some.received(key)
    expect(asked.flat().toSorted()).toEqual(KEYS.toSorted())
  })

  it('is not asked for where it has come otherwise', () => {
    const { requests: some, asked } = requests()
    some.add(KEYS.slice(0, 17))
    some.received('key-16')
    for (const key of asked[0] ?? []) some.received(key)
    expect(asked).toHaveLength(1)
  })

  it('is asked for in larger requests where there is a lot, however slow the answers are', async () => {
    const { requests: some, asked } = requests()
    some.add(Array.from({ length: 10_000 }, (_, index) => `record-${index}`))
    for (let done = 0; done < asked.length; done++) {
      await vi.advanceTimersByTimeAsync(10_000)
      for (const key of asked[done] ?? []) some.received(key)
    }
    expect(asked.flat()).toHaveLength(10_000)
    expect(asked.length).toBeLessThan(400)
  })

  it('is asked for further where some of it can not be read', () => {
    const { requests: some, asked } = requests()
    some.add(KEYS)
    for (const key of asked[0] ?? []) some.received(key === 'key-3' ? undefined : key)
    expect(asked).toHaveLength(2)
    some[Symbol.dispose]()
  })

  it('is asked for further where the server has lost what it had', async () => {
    const { requests: some, asked } = requests()
    some.add(KEYS)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toHaveLength(2)
    some[Symbol.dispose]()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(asked).toHaveLength(2)
  })
})

describe('the size of the next request', () => {
  it('grows while the link carries it at once, whatever the round trip', () => {
    expect(nextRequestSize(16, 10, 1)).toBe(32)
    expect(nextRequestSize(16, 600, 500)).toBe(32)
    expect(nextRequestSize(2_048, 10, 1)).toBe(2_048)
  })

  it('stays where the link needs most of a second, and shrinks where it needs more', () => {
    expect(nextRequestSize(16, 1_200, 500)).toBe(16)
    expect(nextRequestSize(16, 4_000, 500)).toBe(8)
    expect(nextRequestSize(8, 60_000, 500)).toBe(8)
  })
})
