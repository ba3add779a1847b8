import type { Connection } from '@libp2p/interface'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { unreachedPeer } from '../../../../test/unreached-peer.ts'
import { SilentConnectionError } from '../../../errors.ts'
import { Hedge } from './hedge.ts'

const PEER = unreachedPeer('edge-2')

/** A connection whose bytes the test makes come, and what a Hedge did about it. */
class Silence {
  readonly #transport = new EventTarget()
  readonly connection = { status: 'open', maConn: this.#transport } as unknown as Connection
  readonly prepared = Promise.withResolvers<boolean>()
  preparations = 0
  questions = 0
  readonly hedge: Hedge

  constructor(rttMs: number | undefined = undefined) {
    this.hedge = new Hedge({
      rttMs: () => rttMs,
      ask: () => void this.questions++,
      prepare: () => {
        this.preparations++
        return this.prepared.promise
      },
    })
  }

  call(): AbortSignal & Disposable {
    const answer = this.hedge.watch(PEER, this.connection)
    return Object.assign(answer.signal, { [Symbol.dispose]: () => answer[Symbol.dispose]() })
  }

  bytesCome(): void {
    this.#transport.dispatchEvent(new Event('message'))
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a call that waits on a silent path', () => {
  it('has another way prepared soon, and is taken there some time later', async () => {
    const silence = new Silence()
    const call = silence.call()
    await vi.advanceTimersByTimeAsync(240)
    expect(silence.preparations).toBe(0)
    await vi.advanceTimersByTimeAsync(20)
    expect([silence.preparations, silence.questions]).toEqual([1, 1])

    silence.prepared.resolve(true)
    await vi.advanceTimersByTimeAsync(340)
    expect(call.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(50)
    expect(call.reason).toBeInstanceOf(SilentConnectionError)
    expect(silence.hedge.isOverdue(silence.connection)).toBe(true)
    expect(silence.preparations).toBe(1)
  })

  it('stays when bytes come, and the path is as good as before', async () => {
    const silence = new Silence()
    using call = silence.call()
    silence.prepared.resolve(true)
    await vi.advanceTimersByTimeAsync(500)
    silence.bytesCome()
    await vi.advanceTimersByTimeAsync(200)
    expect(call.aborted).toBe(false)

    await vi.advanceTimersByTimeAsync(500)
    expect(call.aborted).toBe(true)
    silence.bytesCome()
    expect(silence.hedge.isOverdue(silence.connection)).toBe(false)
  })

  it('stays when bytes come before the other way is ready', async () => {
    const silence = new Silence()
    using call = silence.call()
    await vi.advanceTimersByTimeAsync(700)
    silence.bytesCome()
    silence.prepared.resolve(true)
    await vi.advanceTimersByTimeAsync(100)

    expect(call.aborted).toBe(false)
  })

  it('waits while there is no other way, and has it looked for again', async () => {
    const silence = new Silence()
    using call = silence.call()
    silence.prepared.resolve(false)
    await vi.advanceTimersByTimeAsync(10_000)

    expect(call.aborted).toBe(false)
    expect(silence.preparations).toBeGreaterThan(5)
  })

  it('is given three round trips', async () => {
    const silence = new Silence(500)
    using _ = silence.call()
    await vi.advanceTimersByTimeAsync(1_490)
    expect(silence.preparations).toBe(0)
    await vi.advanceTimersByTimeAsync(20)
    expect(silence.preparations).toBe(1)
  })
})

it('nothing is prepared once calls were answered, nor for a connection that is closed', async () => {
  const [answered, closed] = [new Silence(), new Silence()]
  answered.call()[Symbol.dispose]()
  closed.call()
  Object.assign(closed.connection, { status: 'closed' })
  await vi.advanceTimersByTimeAsync(5_000)

  expect([answered.preparations, closed.preparations]).toEqual([0, 0])
  expect(vi.getTimerCount()).toBe(0)
})

it('calls that wait on one path together have one other way prepared, and leave together', async () => {
  const silence = new Silence()
  const calls = Array.from({ length: 100 }, () => silence.call())
  silence.prepared.resolve(true)
  await vi.advanceTimersByTimeAsync(700)

  expect(calls.filter(({ aborted }) => aborted)).toHaveLength(100)
  expect(silence.preparations).toBe(1)
})
