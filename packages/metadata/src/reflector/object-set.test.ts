import { describe, expect, it } from 'vitest'
import { type IgnoredReason, ObjectSet, type ReflectedObject } from './object-set.ts'

/** `key@revision=value`, of the given uid. */
function object(text: string, uid = 'u1'): ReflectedObject<string> {
  const [, key = '', revision = '', value] = /^(.+)@(\d+)=(.+)$/.exec(text) ?? []
  return { key, uid, revision: Number(revision), value, malformed: false }
}

function malformed(key: string, revision: number, uid = 'u1'): ReflectedObject<string> {
  return { key, uid, revision, value: undefined, malformed: true }
}

function setOf(revision: number, ...objects: readonly ReflectedObject<string>[]): ObjectSet<string> {
  const set = new ObjectSet<string>()
  set.replace(objects, revision)
  return set
}

describe('an event', () => {
  it('adds what is new and replaces what is older', () => {
    const set = setOf(1, object('a@1=old'))
    expect(set.put(object('b@2=b'))).toEqual([{ key: 'b', value: 'b' }])
    expect(set.put(object('a@3=new'))).toEqual([{ key: 'a', value: 'new' }])
    expect(set.size).toBe(2)
  })

  it('never replaces something newer, by number and not by text', () => {
    const set = setOf(10, object('a@10=new'))
    expect(set.put(object('a@9=old'))).toEqual([])
  })

  it('of an equal version is accepted when its content differs', () => {
    const set = setOf(5, object('a@5=wrong'))
    expect(set.put(object('a@5=right'))).toEqual([{ key: 'a', value: 'right' }])
    expect(set.put(object('a@5=right'))).toEqual([])
  })

  it('that changes nothing of what is kept changes nothing', () => {
    const set = setOf(1, object('a@1=same'))
    expect(set.put(object('a@2=same'))).toEqual([])
    expect(set.put(object('a@1=older'))).toEqual([])
  })

  it('of a deletion removes the object, but not its successor of the same name', () => {
    const set = setOf(1, object('a@1=a', 'u2'))
    expect(set.delete({ key: 'a', uid: 'u1' })).toEqual([])
    expect(set.delete({ key: 'a', uid: 'u2' })).toEqual([{ key: 'a', value: undefined }])
    expect(set.delete({ key: 'a', uid: 'u2' })).toEqual([])
  })
})

describe('a malformed object', () => {
  it('leaves in force what was known of it', () => {
    const set = setOf(1, object('a@1=good'))
    expect(set.put(malformed('a', 2))).toEqual([])
    expect(set.put(object('a@1=outdated'))).toEqual([])
    expect(set.put(object('a@3=good'))).toEqual([])
    expect(set.delete({ key: 'a', uid: 'u1' })).toEqual([{ key: 'a', value: undefined }])
  })

  it('ends what was known of a former object of its name', () => {
    const set = setOf(1, object('a@1=good', 'u1'))
    expect(set.put(malformed('a', 2, 'u2'))).toEqual([{ key: 'a', value: undefined }])
  })

  it('in a complete list is there all the same', () => {
    const set = setOf(1, object('a@1=good'))
    expect(set.replace([malformed('a', 2)], 2)).toEqual([])
  })
})

describe('a complete list', () => {
  it('is the truth: what it lacks is gone', () => {
    const set = setOf(3, object('a@1=a'), object('b@2=b'))
    expect(set.replace([object('b@2=b'), object('c@4=c')], 5)).toEqual([
      { key: 'a', value: undefined },
      { key: 'c', value: 'c' },
    ])
  })

  it('does not touch what is newer than the list', () => {
    const set = setOf(5)
    set.put(object('a@8=a'))
    set.put(object('b@9=b'))
    expect(set.replace([object('a@4=old')], 7)).toEqual([])
    expect(set.size).toBe(2)
  })

  it('of another history, with lower versions, replaces everything', () => {
    const set = setOf(1_000, object('a@900=a'), object('b@1000=b'))
    expect(set.replace([object('b@2=restored')], 3)).toEqual([
      { key: 'a', value: undefined },
      { key: 'b', value: 'restored' },
    ])
    expect(set.put(object('c@4=c'))).toEqual([{ key: 'c', value: 'c' }])
  })
})

describe('a complete list after a restart', () => {
  it('of another cluster replaces what was stored, be its own versions higher or lower', () => {
    const set = new ObjectSet<string>()
    set.merge([object('a@900=stored', 'u1'), object('b@10=stored', 'u2')])
    expect(set.replace([object('a@5=other', 'u3'), object('b@20=other', 'u4')], 1_000)).toEqual([
      { key: 'a', value: 'other' },
      { key: 'b', value: 'other' },
    ])
  })

  it('of another cluster, with lower versions, ends what was stored', () => {
    const set = new ObjectSet<string>()
    set.merge([object('a@900=stored')])
    expect(set.replace([object('b@20=other')], 30)).toEqual([
      { key: 'a', value: undefined },
      { key: 'b', value: 'other' },
    ])
  })
})

describe('a local list', () => {
  it('adds and updates, and deletes nothing', () => {
    const set = setOf(5, object('a@5=a'), object('b@4=b'))
    expect(set.merge([object('b@3=old'), object('c@6=c')])).toEqual([{ key: 'c', value: 'c' }])
    expect(set.size).toBe(3)
  })

  it('brings nothing back that the complete list before it had no more', () => {
    const set = setOf(5, object('a@5=a'))
    expect(set.merge([object('ghost@5=g'), object('ghost2@1=g')])).toEqual([])
    expect(set.size).toBe(1)
  })

  it("of a former cluster is ended by the new one's complete list, be its versions ever so low", () => {
    const set = setOf(5, object('a@5=a'))
    set.merge([object('a@900=former'), object('b@800=former')])
    expect(set.replace([object('a@6=a')], 7)).toEqual([
      { key: 'b', value: undefined },
      { key: 'a', value: 'a' },
    ])
  })
})

describe('a ghost', () => {
  it('is an object that the latest complete list lacks and that is not newer', () => {
    const ignored: IgnoredReason[] = []
    const set = new ObjectSet<string>((reason) => void ignored.push(reason))
    set.replace([object('a@5=a')], 10)
    expect(set.put(object('ghost@10=g'))).toEqual([])
    expect(set.put(object('new@11=n'))).toEqual([{ key: 'new', value: 'n' }])
    expect(set.put(object('a@5=changed'))).toEqual([{ key: 'a', value: 'changed' }])
    expect(ignored).toEqual(['ghost'])
  })

  it('is an object that was deleted since, in whatever version it comes back', () => {
    const set = new ObjectSet<string>()
    set.replace([object('a@5=a', 'u1')], 10)
    set.delete({ key: 'a', uid: 'u1' })
    expect(set.put(object('a@99=back', 'u1'))).toEqual([])
    expect(set.put(object('a@12=successor', 'u2'))).toEqual([{ key: 'a', value: 'successor' }])
  })

  it('is none once a complete list has it again', () => {
    const set = new ObjectSet<string>()
    set.replace([object('a@5=a', 'u1')], 10)
    set.delete({ key: 'a', uid: 'u1' })
    expect(set.replace([object('a@5=a', 'u1')], 20)).toEqual([{ key: 'a', value: 'a' }])
  })

  it('is known after a restart, too, where a complete list was stored', () => {
    const stored = [object('a@5=a')]
    const complete = new ObjectSet<string>()
    complete.restore(stored, 10)
    expect(complete.put(object('ghost@9=g'))).toEqual([])

    const incomplete = new ObjectSet<string>()
    incomplete.restore(stored, undefined)
    expect(incomplete.put(object('b@9=b'))).toEqual([{ key: 'b', value: 'b' }])
  })
})

it('tells why it did not take something', () => {
  const ignored: IgnoredReason[] = []
  const set = new ObjectSet<string>((reason) => void ignored.push(reason))
  set.replace([object('a@5=a', 'u2')], 5)
  set.put(object('a@4=old', 'u2'))
  set.delete({ key: 'a', uid: 'u1' })
  expect(ignored).toEqual(['older', 'other-uid'])
})
