import { describe, expect, it } from 'vitest'
import { type CheckResult, type Health, nextHealth, resultOfFailure } from './health.ts'

function after(...results: readonly CheckResult[]): Health | undefined {
  return results.reduce<Health | undefined>(nextHealth, undefined)
}

describe('health of an endpoint', () => {
  it.each<{ results: readonly CheckResult[]; health: Health }>([
    { results: ['accepted'], health: 'alive' },
    { results: ['refused'], health: 'dead' },
    { results: ['silent'], health: 'suspect' },
    { results: ['silent', 'silent'], health: 'dead' },
    { results: ['silent', 'silent', 'silent'], health: 'dead' },
    { results: ['silent', 'accepted', 'silent'], health: 'suspect' },
    { results: ['refused', 'silent'], health: 'dead' },
    { results: ['refused', 'accepted'], health: 'alive' },
    { results: ['silent', 'silent', 'accepted'], health: 'alive' },
    { results: ['untold', 'untold', 'untold'], health: 'alive' },
    { results: ['silent', 'untold'], health: 'suspect' },
    { results: ['silent', 'untold', 'silent'], health: 'dead' },
    { results: ['refused', 'untold'], health: 'dead' },
  ])('is $health after $results', ({ results, health }) => {
    expect(after(...results)).toBe(health)
  })

  it.each([
    ['ECONNREFUSED', 'refused'],
    ['EHOSTUNREACH', 'refused'],
    ['ENETUNREACH', 'refused'],
    ['ECONNRESET', 'refused'],
    ['ETIMEDOUT', 'silent'],
    ['EMFILE', 'untold'],
    ['ENFILE', 'untold'],
    ['ENOBUFS', 'untold'],
    ['ENOMEM', 'untold'],
    ['EADDRNOTAVAIL', 'untold'],
    ['EPERM', 'untold'],
    ['EACCES', 'untold'],
  ])('takes %s as %s', (code, result) => {
    expect(resultOfFailure(Object.assign(new Error('connect failed'), { code }))).toBe(result)
  })
})
