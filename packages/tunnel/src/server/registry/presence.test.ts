import { describe, expect, it } from 'vitest'
import { recordKey } from '../../protocol/record-version.ts'
import { Presence } from './presence.ts'

const HOLD_MS = 10_000

/** A presence whose time the test sets. */
function presenceAt(start: number) {
  const clock = { now: start }
  return { clock, presence: new Presence(HOLD_MS, () => clock.now) }
}

describe('the presence of members', () => {
  it('lasts as long as they are connected somewhere, and a while longer', () => {
    const { clock, presence } = presenceAt(1_000_000)
    const other = presence.remote()
    presence.join('one')
    other.add([recordKey('one')])
    presence.leave('one')
    clock.now += 2 * HOLD_MS
    expect(presence.isPresent('one') && presence.isRecent('one')).toBe(true)

    other.remove([recordKey('one')])
    expect([presence.isPresent('one'), presence.isRecent('one')]).toEqual([false, true])
    clock.now += HOLD_MS
    expect(presence.isRecent('one')).toBe(false)
    presence.prune()
    presence.prune()
    expect(presence.leftAt('two')).toBeUndefined()
  })

  it('ends for all members of a server that goes away', () => {
    const { presence } = presenceAt(1_000_000)
    const other = presence.remote()
    other.add([recordKey('one'), recordKey('one'), recordKey('two')])
    other[Symbol.dispose]()
    other.remove([recordKey('one')])

    expect([presence.isPresent('one'), presence.isPresent('two')]).toEqual([false, false])
    expect(presence.leftAt('two')).toBe(1_000_000)
  })

  it('is told once for each coming and going here', () => {
    const { presence } = presenceAt(1_000_000)
    const told: string[] = []
    using _ = presence.onChange((kind, key) => told.push(`${kind} ${key}`))
    presence.join('one')
    presence.join('one')
    presence.leave('one')
    presence.leave('one')

    expect(told).toEqual([`present ${recordKey('one')}`, `absent ${recordKey('one')}`])
    expect(presence.here).toEqual([])
  })

  it('that was stored does not lie in the future', () => {
    const { clock, presence } = presenceAt(1_000_000)
    presence.restore('one', 9_000_000)
    clock.now += HOLD_MS

    expect(presence.isRecent('one')).toBe(false)
  })
})
