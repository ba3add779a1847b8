import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Arrivals } from './arrivals.ts'

const OPTIONS = { atOnce: 2, patienceMs: 1_000, maxWaitMs: 5_000, maxWaiting: 2 }

describe('arrivals', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** Connections that arrive in that order, and those that were let in or sent away so far. */
  async function arrive(arrivals: Arrivals, names: readonly string[]) {
    const connections = new Map(names.map((name) => [name, new EventTarget()]))
    const let_: string[] = []
    const sent: string[] = []
    for (const [name, connection] of connections)
      void arrivals.admit(name, connection).then((isIn) => (isIn ? let_ : sent).push(name))
    await vi.advanceTimersByTimeAsync(0)
    return { let_, sent, close: (name: string) => connections.get(name)?.dispatchEvent(new Event('close')) }
  }

  it('are let in some at a time, the newest of those that wait first', async () => {
    const arrivals = new Arrivals(OPTIONS)
    const { let_ } = await arrive(arrivals, ['a', 'b', 'c', 'd'])
    expect(let_).toEqual(['a', 'b'])
    arrivals.done('b')
    await vi.advanceTimersByTimeAsync(0)
    expect(let_).toEqual(['a', 'b', 'd'])
  })

  it('make room when they are closed', async () => {
    const { let_, close } = await arrive(new Arrivals(OPTIONS), ['a', 'b', 'c'])
    close('a')
    await vi.advanceTimersByTimeAsync(0)
    expect(let_).toEqual(['a', 'b', 'c'])
  })

  it('make room after a while, whatever they do', async () => {
    const { let_ } = await arrive(new Arrivals(OPTIONS), ['silent', 'silent too', 'c', 'd'])
    await vi.advanceTimersByTimeAsync(OPTIONS.patienceMs)
    expect(let_).toEqual(['silent', 'silent too', 'd', 'c'])
  })

  it('are sent away where too many wait', async () => {
    const { sent } = await arrive(new Arrivals(OPTIONS), ['a', 'b', 'c', 'd', 'e'])
    expect(sent).toEqual(['e'])
  })

  it('are sent away when their turn does not come in time', async () => {
    const { sent } = await arrive(new Arrivals({ ...OPTIONS, patienceMs: 60_000 }), ['a', 'b', 'c'])
    await vi.advanceTimersByTimeAsync(OPTIONS.maxWaitMs)
    expect(sent).toEqual(['c'])
  })

  it('lose their turn when they go while they wait', async () => {
    const arrivals = new Arrivals(OPTIONS)
    const { let_, close } = await arrive(arrivals, ['a', 'b', 'gone', 'd'])
    close('gone')
    arrivals.done('a')
    await vi.advanceTimersByTimeAsync(0)
    expect(let_).toEqual(['a', 'b', 'd'])
  })
})
