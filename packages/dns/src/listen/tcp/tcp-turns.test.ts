import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { TcpTurns } from './tcp-turns.ts'

/** Turns under a clock that each step puts on by a millisecond, of which a turn has two. */
function turnsUnderTest() {
  const time = { now: 5_000 }
  const turns = new TcpTurns(() => time.now)
  const done: string[] = []
  /** Has `count` steps to do, one after the other. */
  const ask = (name: string, count: number): void => {
    let left = count
    const step = (): void => {
      time.now++
      done.push(name)
      left--
      if (left > 0) turns.request(step)
    }
    turns.request(step)
  }
  return { ask, done }
}

describe('TcpTurns', () => {
  it('does a single step at once', () => {
    const { ask, done } = turnsUnderTest()
    ask('a', 1)
    expect(done).toEqual(['a'])
  })

  it('leaves what is too much for one turn of the event loop to the next', async () => {
    const { ask, done } = turnsUnderTest()
    ask('a', 5)
    expect(done).toEqual(['a', 'a'])
    await nextTurn()
    expect(done).toHaveLength(4)
    await nextTurn()
    expect(done).toHaveLength(5)
  })

  it('lets those who ask take turns, however much one of them wants', async () => {
    const { ask, done } = turnsUnderTest()
    ask('greedy', 1_000)
    ask('b', 1)
    ask('c', 2)
    await nextTurn()
    await nextTurn()
    await nextTurn()
    expect(done).toEqual(['greedy', 'greedy', 'greedy', 'b', 'c', 'greedy', 'c', 'greedy'])
  })
})
