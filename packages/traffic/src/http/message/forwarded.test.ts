import { describe, expect, it } from 'vitest'
import { forwardedLines } from './forwarded.ts'
import { requestOf } from './test/heads.ts'

const PLAIN = ['GET / HTTP/1.1', 'Host: web.shop']

describe('forwardedLines', () => {
  it.each([
    ['off', ''],
    ['x-forwarded-for', 'X-Forwarded-For: 10.0.0.1\r\n'],
    ['forwarded', 'Forwarded: for=10.0.0.1\r\n'],
    ['both', 'X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n'],
  ] as const)('tells the client as %s', (mode, lines) => {
    expect(forwardedLines(mode, requestOf(...PLAIN), '10.0.0.1')).toBe(lines)
  })

  it.each([
    ['2001:db8::1', '2001:db8::1', '"[2001:db8::1]"'],
    ['::ffff:10.0.0.1', '10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1', '"[fe80::1]"'],
  ])('writes %s as each of the fields wants it', (ip, plain, node) => {
    expect(forwardedLines('both', requestOf(...PLAIN), ip)).toBe(
      `X-Forwarded-For: ${plain}\r\nForwarded: for=${node}\r\n`,
    )
  })

  it('comes after what the client sent, line by line', () => {
    const head = requestOf(
      ...PLAIN,
      ...[
        'X-Forwarded-For: 1.1.1.1, 2.2.2.2',
        'Forwarded: for="[::1]:80";proto=http, for=_a',
        'x-forwarded-for: 3.3.3.3',
      ],
    )

    expect(forwardedLines('x-forwarded-for', head, '10.0.0.1')).toBe(
      'X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1\r\nForwarded: for="[::1]:80";proto=http, for=_a, for=10.0.0.1\r\n',
    )
    expect(forwardedLines('forwarded', head, '10.0.0.1')).toBe(
      'Forwarded: for="[::1]:80";proto=http, for=_a, for=10.0.0.1\r\n',
    )
  })

  it.each(['for="1.1.1.1', 'for="a\\"', 'nonsense', 'for=1.1.1.1, for="'])(
    'does not come after the malformed %j, which could swallow it',
    (forwarded) => {
      const head = requestOf(...PLAIN, `Forwarded: ${forwarded}`)

      expect(forwardedLines('forwarded', head, '10.0.0.1')).toBe('Forwarded: for=10.0.0.1\r\n')
    },
  )

  it('overlooks empty fields of the client', () => {
    const head = requestOf(...PLAIN, 'X-Forwarded-For:', 'Forwarded:')

    expect(forwardedLines('both', head, '10.0.0.1')).toBe(
      'X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n',
    )
  })

  it.each([
    ['for=a, ', '"'],
    ['a=bb', '='],
    ['a="b" ', 'c'],
    [' ', 'c'],
  ])('reads many of %j with %j after them once only', (many, last) => {
    const head = requestOf(...PLAIN, `Forwarded: ${many.repeat(60_000 / many.length)}${last}`)

    expect(forwardedLines('forwarded', head, '10.0.0.1')).toBe('Forwarded: for=10.0.0.1\r\n')
  })
})
