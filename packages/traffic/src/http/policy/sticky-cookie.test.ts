import type { StickyCookie } from '@edgeway/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cookieValue, newCookieValue, setCookieOf } from './sticky-cookie.ts'

const PLAIN: StickyCookie = { name: 'stick', path: undefined, ttlSeconds: undefined, sameSite: undefined }

describe('the value of a cookie', () => {
  it.each<[string, string[], string | undefined]>([
    ['the only one', ['stick=abc'], 'abc'],
    ['one of several', ['a=1; stick=abc; b=2'], 'abc'],
    ['the last one', ['a=1; stick=abc'], 'abc'],
    ['without a space before', ['a=1;stick=abc;b=2'], 'abc'],
    ['with more space than needed', ['a=1 ; \t stick=abc  ;b=2'], 'abc'],
    ['in another field', ['a=1', 'b=2; stick=abc'], 'abc'],
    ['the first of two', ['stick=abc; stick=def', 'stick=ghi'], 'abc'],
    ['without its quotes', ['stick="abc"'], 'abc'],
    ['with a quote that has no other', ['stick="abc'], '"abc'],
    ['with equals signs', ['stick=a=b=='], 'a=b=='],
    ['with characters that no grammar has, but browsers send', ['stick=a b,c\\d'], 'a b,c\\d'],
    ['after an empty one', ['stick=; stick=""; stick=abc'], 'abc'],
    ['after one too long', [`stick=${'x'.repeat(4_097)}; stick=abc`], 'abc'],
    ['as long as browsers keep it', [`stick=${'x'.repeat(4_096)}`], 'x'.repeat(4_096)],
    ['of no cookie', [''], undefined],
    ['without any field', [], undefined],
    ['of an empty one', ['stick='], undefined],
    ['of an empty one in quotes', ['stick=""'], undefined],
    ['of a name without value', ['stick; a=1'], undefined],
    ['of a name at the end', ['a=1; stick'], undefined],
    ['of a longer name', ['stickx=1; xstick=2; stick-=3'], undefined],
    ['of a name in other letters', ['Stick=abc'], undefined],
    ['of a value that looks like it', ['a=stick=abc; b= stick=abc'], undefined],
    ['of a value after no semicolon', ['a=1, stick=abc'], undefined],
    ['behind a name and semicolon', ['stick;=abc'], undefined],
    ['of stray semicolons', [';;; ;'], undefined],
  ])('is found: %s', (_what, fields, value) => {
    expect(cookieValue(fields, 'stick')).toBe(value)
  })

  it('is found among any others', () => {
    const text = fc.stringMatching(/^[!#-+\--:<-[\]-~]{1,8}$/)
    const name = fc.stringMatching(/^[a-z]{1,4}$/).filter((other) => other !== 'id')
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, text)),
        fc.array(fc.tuple(name, text)),
        text,
        (before, after, value) => {
          const pairs = [...before, ['id', value], ...after].map((pair) => pair.join('='))
          expect(cookieValue([pairs.join('; ')], 'id')).toBe(value)
        },
      ),
    )
  })
})

describe('a cookie that is issued', () => {
  it.each<[Partial<StickyCookie>, string]>([
    [{}, 'stick=v1; HttpOnly'],
    [{ path: '/' }, 'stick=v1; Path=/; HttpOnly'],
    [{ ttlSeconds: 3_600 }, 'stick=v1; Max-Age=3600; HttpOnly'],
    [{ sameSite: 'Lax' }, 'stick=v1; SameSite=Lax; HttpOnly'],
    [{ sameSite: 'None' }, 'stick=v1; SameSite=None; Secure; HttpOnly'],
    [{ name: '__Host-s', path: '/' }, '__Host-s=v1; Path=/; Secure; HttpOnly'],
    [{ name: '__secure-s' }, '__secure-s=v1; Secure; HttpOnly'],
    [
      { path: '/shop', ttlSeconds: 60, sameSite: 'Strict' },
      'stick=v1; Path=/shop; Max-Age=60; SameSite=Strict; HttpOnly',
    ],
    [{ path: '/\r\nX-Evil: 1' }, 'stick=v1; HttpOnly'],
    [{ path: '/; Domain=elsewhere' }, 'stick=v1; HttpOnly'],
  ])('is as wished: %j', (wishes, text) => {
    expect(setCookieOf({ ...PLAIN, ...wishes }, 'v1')).toBe(text)
  })

  it('is found by its value again', () => {
    const value = newCookieValue()
    const [pair = ''] = setCookieOf(PLAIN, value).split(';')

    expect(cookieValue([pair], 'stick')).toBe(value)
  })

  it('has a value of 128 bits that needs no quotes, and no other has', () => {
    const values = Array.from({ length: 1_000 }, newCookieValue)

    expect(new Set(values).size).toBe(1_000)
    for (const value of values) expect(value).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })
})
