import { formatServicePortName } from '@edgeway/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SettledChanges } from './settled-changes.ts'

const WEB = formatServicePortName('shop', 'web', '')
const MAIL = formatServicePortName('shop', 'mail', '')
const NEVER = new AbortController().signal

describe('SettledChanges', () => {
  let changes: SettledChanges

  beforeEach(() => {
    vi.useFakeTimers()
    changes = new SettledChanges({ delayMs: 20, maxDelayMs: 50 })
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  /** Waits and records how many milliseconds that took. */
  function startWait(timeoutMs: number, signal = NEVER): { tookMs: number | undefined } {
    const result: { tookMs: number | undefined } = { tookMs: undefined }
    const startedAt = performance.now()
    void changes.wait(timeoutMs, signal).then(() => {
      result.tookMs = performance.now() - startedAt
    })
    return result
  }

  it('waits for its timeout when nothing changes', async () => {
    const wait = startWait(1_000)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(wait.tookMs).toBe(1_000)
  })

  it('ends when no change came for the delay', async () => {
    const wait = startWait(1_000)
    await vi.advanceTimersByTimeAsync(100)
    changes.note(WEB)
    await vi.advanceTimersByTimeAsync(15)
    changes.note(WEB)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(wait.tookMs).toBe(100 + 15 + 20)
  })

  it('ends at the latest the maximum after the first change, however many follow', async () => {
    const wait = startWait(1_000)
    for (let i = 0; i < 100; i++) {
      changes.note(WEB)
      await vi.advanceTimersByTimeAsync(5)
    }
    expect(wait.tookMs).toBe(50)
  })

  it('knows the changes that came before the wait', async () => {
    changes.note(WEB)
    const wait = startWait(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(wait.tookMs).toBe(20)
  })

  it('forgets what was taken, and only that', async () => {
    changes.note(WEB)
    changes.take()
    const first = startWait(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(first.tookMs).toBe(1_000)

    changes.note(WEB)
    const second = startWait(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(second.tookMs).toBe(20)
  })

  it('tells what changed since the last time', () => {
    changes.note(WEB)
    changes.note(MAIL)
    changes.note(WEB)
    expect(changes.take()).toEqual(new Set([WEB, MAIL]))

    changes.note(MAIL)
    expect(changes.take()).toEqual(new Set([MAIL]))
    expect(changes.take()).toEqual(new Set())
  })

  it('tells that everything changed, whatever else did', () => {
    changes.note(WEB)
    changes.noteAll()
    changes.note(MAIL)
    expect(changes.take()).toBe('all')
    expect(changes.take()).toEqual(new Set())
  })

  it('rejects at once with the reason of the signal, and leaves no timer', async () => {
    const stopping = new AbortController()
    const wait = changes.wait(1_000, stopping.signal)
    stopping.abort(new Error('stopping'))
    await expect(wait).rejects.toThrow('stopping')
    expect(vi.getTimerCount()).toBe(0)
  })
})
