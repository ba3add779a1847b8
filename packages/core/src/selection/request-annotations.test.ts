import { describe, expect, it } from 'vitest'
import { annotatedCauses, annotatedCount, annotatedDurationMs, annotatedHash } from './request-annotations.ts'
import { annotationProblems } from './service-annotations.ts'

const DURATION = 'expected a duration such as 500ms, 10s or 2m'
const CAUSES = 'expected a list of connect-failure, reset, 502, 503, 504'
const COOKIE_ATTRIBUTE = 'expected Path=/..., Max-Age=seconds or SameSite=Lax'

describe('annotationProblems of annotations for requests', () => {
  it.each([
    ['protocol', 'http'],
    ['protocol', 'tls'],
    ['hash-header', 'X-User'],
    ['hash-cookie', 'stick; Path=/; Max-Age=3600; SameSite=Lax'],
    ['retries', '0'],
    ['retries', '10'],
    ['retry-on', ' 503,connect-failure ,'],
    ['request-timeout', '1.5s'],
    ['per-try-timeout', '250ms'],
    ['max-error-percent', '1'],
    ['max-error-percent', '100'],
    ['forwarded-headers', 'both'],
    ['forwarding', 'l4'],
    ['forwarding', 'l7'],
    ['balancing', 'server-name-hash'],
  ])('has nothing against %s: %s', (name, value) => {
    expect(annotationProblems({ [`edgeway.io/${name}`]: value })).toEqual([])
  })

  it.each([
    ['protocol', 'quic', 'expected http or http2 or grpc or tls or tcp, found "quic"'],
    ['protocol', 'HTTP', 'expected http or http2 or grpc or tls or tcp, found "HTTP"'],
    ['hash-header', '', 'expected the name of a header, found ""'],
    ['hash-header', ':path', 'expected the name of a header, found ":path"'],
    ['hash-header', 'x-user, x-tenant', 'expected the name of a header, found "x-user, x-tenant"'],
    ['hash-header', 'x'.repeat(257), `expected the name of a header, found "${'x'.repeat(257)}"`],
    ['hash-cookie', '', 'expected the name of a cookie, found ""'],
    ['hash-cookie', 'stick=1', 'expected the name of a cookie, found "stick=1"'],
    ['hash-cookie', 'stick; Path=shop', `${COOKIE_ATTRIBUTE}, found "Path=shop"`],
    ['hash-cookie', 'stick; HttpOnly', `${COOKIE_ATTRIBUTE}, found "HttpOnly"`],
    ['hash-cookie', 'stick; Max-Age=-1', `${COOKIE_ATTRIBUTE}, found "Max-Age=-1"`],
    ['hash-cookie', 'stick; Max-Age=34560001', `${COOKIE_ATTRIBUTE}, found "Max-Age=34560001"`],
    ['hash-cookie', 'stick; SameSite=Loose', `${COOKIE_ATTRIBUTE}, found "SameSite=Loose"`],
    ['retries', '11', 'expected a whole number, 0 to 10, found "11"'],
    ['retries', '-1', 'expected a whole number, 0 to 10, found "-1"'],
    ['retries', '1.5', 'expected a whole number, 0 to 10, found "1.5"'],
    ['retries', '', 'expected a whole number, 0 to 10, found ""'],
    ['retry-on', '500', `${CAUSES}, found "500"`],
    ['retry-on', ' , ', `${CAUSES}, found none`],
    ['request-timeout', '10', `${DURATION}, found "10"`],
    ['request-timeout', '0s', `${DURATION}, found "0s"`],
    ['request-timeout', '600h', `${DURATION}, found "600h"`],
    ['per-try-timeout', 'soon', `${DURATION}, found "soon"`],
    ['max-error-percent', '0', 'expected a whole number, 1 to 100, found "0"'],
    ['max-error-percent', '50%', 'expected a whole number, 1 to 100, found "50%"'],
    [
      'forwarded-headers',
      'x-real-ip',
      'expected x-forwarded-for or forwarded or both or off, found "x-real-ip"',
    ],
    ['retry-on', '503,'.repeat(1_025), 'expected at most 4096 characters, found 4100'],
  ])('says of %s: %j what was expected and what was found', (name, value, problem) => {
    expect(annotationProblems({ [`edgeway.io/${name}`]: value })).toEqual([`edgeway.io/${name}: ${problem}`])
  })

  it('names every cause that there is not', () => {
    const problems = annotationProblems({ 'edgeway.io/retry-on': '500, 502, 5xx' })

    expect(problems.map((problem) => /found "(.+)"/.exec(problem)?.[1])).toEqual(['500', '5xx'])
  })
})

describe('annotatedHash', () => {
  it('goes by a header, whose name is the same in any case', () => {
    expect(annotatedHash({ 'edgeway.io/hash-header': 'X-User' })).toEqual({
      kind: 'header-hash',
      header: 'x-user',
    })
  })

  it('goes by a cookie with what it is to be issued with', () => {
    const annotations = { 'edgeway.io/hash-cookie': 'stick ;path = /shop; max-age=60;SAMESITE=strict' }

    expect(annotatedHash(annotations)).toEqual({
      kind: 'cookie-hash',
      cookie: { name: 'stick', path: '/shop', ttlSeconds: 60, sameSite: 'Strict' },
    })
  })

  it.each(['stick', 'stick; Max-Age=0'])('goes by a cookie until the browser ends: %s', (text) => {
    expect(annotatedHash({ 'edgeway.io/hash-cookie': text })).toEqual({
      kind: 'cookie-hash',
      cookie: { name: 'stick', path: undefined, ttlSeconds: undefined, sameSite: undefined },
    })
  })

  it('goes by the header before the cookie, and by the cookie where the header can not be read', () => {
    const cookie = { 'edgeway.io/hash-cookie': 'stick' }

    expect(annotatedHash({ ...cookie, 'edgeway.io/hash-header': 'x' })?.kind).toBe('header-hash')
    expect(annotatedHash({ ...cookie, 'edgeway.io/hash-header': 'x y' })?.kind).toBe('cookie-hash')
  })

  it.each([
    {},
    { 'edgeway.io/hash-header': '' },
    { 'edgeway.io/hash-cookie': 'a=b' },
    { 'edgeway.io/hash-cookie': `stick${';Path=/'.repeat(600)}` },
  ])('is none of %o', (annotations) => {
    expect(annotatedHash(annotations)).toBeUndefined()
  })
})

describe('the value of an annotation', () => {
  it.each([
    ['250ms', 250],
    ['1.5s', 1_500],
    [' 2m ', 120_000],
    ['596h', 2_145_600_000],
    ['0ms', undefined],
    ['0.1ms', undefined],
    ['597h', undefined],
    ['1m30s', undefined],
    ['10', undefined],
    ['-1s', undefined],
    ['', undefined],
    ['1'.repeat(5_000), undefined],
    [undefined, undefined],
  ])('%j is so many milliseconds: %j', (text, ms) => {
    expect(annotatedDurationMs(text)).toBe(ms)
  })

  it.each([
    ['2', 2],
    ['1', 1],
    ['3', 3],
    ['0', undefined],
    ['4', undefined],
    ['0x2', undefined],
    ['2e0', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is a count from 1 to 3: %j', (text, count) => {
    expect(annotatedCount(text, { min: 1, max: 3 })).toBe(count)
  })

  it('is a list of causes, as far as they are known', () => {
    expect(annotatedCauses('504, 5xx,reset,504')).toEqual(['reset', '504'])
    expect(annotatedCauses('5xx')).toBeUndefined()
    expect(annotatedCauses(undefined)).toBeUndefined()
  })
})
