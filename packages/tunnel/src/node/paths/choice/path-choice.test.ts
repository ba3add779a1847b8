import { describe, expect, it } from 'vitest'
import type { TunnelPath } from '../../../metrics.ts'
import { type Choice, type ChoosablePath, choosePath, costOf } from './path-choice.ts'

interface NamedPath extends ChoosablePath {
  readonly name: string
}

const ids = new Map<string, object>()

function path(name: string, overrides: Partial<ChoosablePath> = {}): NamedPath {
  const id = ids.get(name) ?? {}
  ids.set(name, id)
  const kind = name.replace(/-.*/, '') as TunnelPath
  return {
    ...{ name, id, kind, rttMs: 10, isMeasured: true, lossShare: undefined },
    ...{ condition: 'good', isSpare: false, ...overrides },
  }
}

/** Looks again and again, each second. */
function chosen(paths: NamedPath[], before: NamedPath | undefined, seconds: number): string | undefined {
  let choice: Choice<NamedPath> | undefined =
    before === undefined ? undefined : { path: before, reason: 'opened', rival: undefined }
  for (let now = 0; now <= seconds * 1_000; now += 1_000) choice = choosePath(paths, choice, now)
  return choice && `${choice.path.name} ${choice.reason}`
}

const FAST = { rttMs: 40 }
const SLOW = { rttMs: 100 }
const relayed = path('relayed')

interface Case {
  readonly paths: NamedPath[]
  readonly before?: NamedPath
  readonly seconds?: number
  readonly taken: string | undefined
}

const CASES: Record<string, Case> = {
  'nothing where nothing is open': { paths: [], taken: undefined },
  'nothing where all is silent': { paths: [path('lan', { condition: 'silent' })], taken: undefined },
  'the best kind': { paths: [relayed, path('punched'), path('lan'), path('direct')], taken: 'lan opened' },
  'a better kind at once': {
    paths: [relayed, path('punched')],
    before: relayed,
    taken: 'punched better-kind',
  },
  'a better kind that is not measured': {
    ...{ paths: [relayed, path('lan', { rttMs: 900, isMeasured: false })], before: relayed },
    ...{ seconds: 9, taken: 'lan better-kind' },
  },
  'the better kind if it is a little slower': {
    paths: [relayed, path('direct', FAST)],
    seconds: 9,
    taken: 'direct opened',
  },
  'the worse kind if it is clearly faster': {
    paths: [relayed, path('direct', SLOW)],
    taken: 'relayed opened',
  },
  'the worse kind when it has been clearly faster for a while': {
    ...{ paths: [relayed, path('lan', SLOW)], before: path('lan') },
    ...{ seconds: 3, taken: 'relayed faster' },
  },
  'no worse kind that is faster for a moment': {
    ...{ paths: [relayed, path('lan', SLOW)], before: path('lan') },
    ...{ seconds: 2, taken: 'lan opened' },
  },
  'the worse kind as long as it is still faster': {
    ...{ paths: [relayed, path('lan', FAST)], before: relayed },
    ...{ seconds: 9, taken: 'relayed opened' },
  },
  'the better kind again when that is not so slow any more': {
    ...{ paths: [relayed, path('lan', { rttMs: 30 })], before: relayed },
    taken: 'lan better-kind',
  },
  'a lossless worse kind in place of one that loses much': {
    ...{ paths: [relayed, path('lan', { lossShare: 0.05 })], before: path('lan') },
    ...{ seconds: 3, taken: 'relayed faster' },
  },
  'the one in use of two alike': {
    ...{ paths: [path('lan-1'), path('lan-2', { rttMs: 4 })], before: path('lan-1') },
    ...{ seconds: 9, taken: 'lan-1 opened' },
  },
  'the clearly faster of one kind, after a while': {
    ...{ paths: [path('lan-1', FAST), path('lan-2')], before: path('lan-1') },
    ...{ seconds: 3, taken: 'lan-2 faster' },
  },
  'the first of those of one kind': { paths: [path('lan-1', FAST), path('lan-2')], taken: 'lan-1 opened' },
  'the one that is kept': {
    ...{ paths: [path('lan-1', { isSpare: true }), path('lan-2')], before: path('lan-1') },
    taken: 'lan-2 spare',
  },
  'none that is silent': {
    ...{ paths: [relayed, path('lan', { condition: 'silent' })], before: path('lan') },
    taken: 'relayed silent',
  },
  'none that is avoided': {
    ...{ paths: [relayed, path('lan', { condition: 'avoided' })], before: path('lan') },
    taken: 'relayed avoided',
  },
  'none that owes an answer where there is another': {
    ...{ paths: [relayed, path('lan', { condition: 'overdue' })], before: path('lan') },
    taken: 'relayed silent',
  },
  'one that owes an answer where there is no other': {
    ...{ paths: [path('lan', { condition: 'overdue' })], before: path('lan') },
    taken: 'lan opened',
  },
  'another one when theirs was closed': { paths: [relayed], before: path('lan'), taken: 'relayed closed' },
}

describe('new flows take', () => {
  it.each(Object.entries(CASES))('%s', (_what, { paths, before, seconds = 0, taken }) => {
    expect(chosen(paths, before, seconds)).toBe(taken)
  })

  it('whichever has lasted, not one that is faster now and then', () => {
    let choice: Choice<NamedPath> | undefined = { path: path('lan'), reason: 'opened', rival: undefined }
    for (let now = 0; now < 20_000; now += 1_000) {
      const rttMs = now % 3_000 === 0 ? 10 : 100
      choice = choosePath([relayed, path('lan', { rttMs })], choice, now)
    }
    expect(choice?.path.name).toBe('lan')
  })
})

it('a lost segment costs a call what sending it again takes', () => {
  expect(costOf({ rttMs: 20, isMeasured: true, lossShare: 0 })).toBe(20)
  expect(costOf({ rttMs: 20, isMeasured: true, lossShare: 0.01 })).toBeCloseTo(40)
  expect(costOf({ rttMs: 500, isMeasured: true, lossShare: 0.05 })).toBeCloseTo(1_000)
  expect(costOf({ rttMs: undefined, isMeasured: true, lossShare: 0.5 })).toBeUndefined()
})
