import { describe, expect, it } from 'vitest'
import { type KnownAttempt, type KnownWays, missingPaths } from './missing-paths.ts'

const NOW = { ms: 5_000, date: new Date('2026-01-01T00:00:00Z') }
const PUNCHING = { name: 'hole punching', isRunning: false, wait: undefined, obstacle: undefined }

function known(overrides: Partial<KnownWays> = {}): KnownWays {
  return {
    ...{ isInUse: true, inUse: 'relayed', open: [], addresses: { lan: [], direct: [] } },
    ...{ isElsewhere: false, punching: PUNCHING, ...overrides },
  }
}

function attempt(name: string, overrides: Partial<KnownAttempt> = {}): KnownAttempt {
  return { name, isRunning: false, wait: undefined, ...overrides }
}

function reasons(overrides: Partial<KnownWays>): Record<string, string> {
  return Object.fromEntries(missingPaths(known(overrides), NOW).map(({ path, why }) => [path, why]))
}

describe('of the kinds that are better than the path in use', () => {
  it('all are told that are, and no other', () => {
    expect(Object.keys(reasons({}))).toEqual(['lan', 'direct', 'punched'])
    expect(Object.keys(reasons({ inUse: 'punched' }))).toEqual(['lan', 'direct'])
    expect(reasons({ inUse: 'lan' })).toEqual({})
  })

  it.each<[string, Partial<KnownWays>, Record<string, string>]>([
    ['a peer that is not called', { isInUse: false }, { lan: 'not-in-use', punched: 'not-in-use' }],
    ['a peer elsewhere', { isElsewhere: true }, { lan: 'other-place', direct: 'no-address' }],
    ['what is tried now', { punching: { ...PUNCHING, isRunning: true } }, { punched: 'trying' }],
    [
      'NATs that are both symmetric',
      { punching: { ...PUNCHING, obstacle: 'useless' } },
      { punched: 'useless-nat' },
    ],
    ['no server', { punching: { ...PUNCHING, obstacle: 'no-reflector' } }, { punched: 'no-reflector' }],
    [
      'punching that is turned off',
      { punching: { ...PUNCHING, obstacle: 'turned-off' } },
      { punched: 'turned-off' },
    ],
    ['a path that is slower', { open: [{ kind: 'lan', condition: 'good' }] }, { lan: 'slower' }],
    ['a path that is silent', { open: [{ kind: 'direct', condition: 'silent' }] }, { direct: 'silent' }],
    ['a path that is avoided', { open: [{ kind: 'direct', condition: 'avoided' }] }, { direct: 'avoided' }],
  ])('%s', (_what, overrides, expected) => {
    expect(reasons(overrides)).toMatchObject(expected)
  })
})

it('of several addresses that failed the one is told that is tried next, and when', () => {
  const wait = (until: number, why: 'unreachable' | 'wrong-identity') => ({ until, why, message: undefined })
  const direct = [
    attempt('a', { wait: wait(9_000, 'unreachable') }),
    attempt('b', { wait: wait(7_500, 'wrong-identity') }),
  ]
  const [, missing] = missingPaths(known({ addresses: { lan: [], direct } }), NOW)

  expect(missing).toEqual({
    path: 'direct',
    why: 'wrong-identity',
    message: 'another host answers at b; next attempt at 2026-01-01T00:00:02.500Z',
  })
})
