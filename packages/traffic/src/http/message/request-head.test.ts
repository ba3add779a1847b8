import { describe, expect, it } from 'vitest'
import { allFieldsOf, fieldOf, parseRequestHead } from './request-head.ts'
import { accepted, headOf, refusal, requestOf } from './test/heads.ts'

const GET = 'GET / HTTP/1.1'
const POST = 'POST / HTTP/1.1'
const HOST = 'Host: web.shop'

describe('parseRequestHead', () => {
  it('reads method, target and version', () => {
    expect(requestOf('REPORT /a?b=%20{c}|d HTTP/1.0')).toMatchObject({
      method: 'REPORT',
      target: '/a?b=%20{c}|d',
      path: '/a?b=%20{c}|d',
      authority: undefined,
      minor: 0,
    })
  })

  it.each([
    ['http://web.shop/a?b', '/a?b', 'web.shop'],
    ['HTTPS://web.shop:8443', '/', 'web.shop:8443'],
    ['http://[2001:db8::1]:80?a/b', '/?a/b', '[2001:db8::1]:80'],
  ])('takes path and authority from %s', (target, path, authority) => {
    expect(requestOf(`GET ${target} HTTP/1.1`, HOST)).toMatchObject({ target, path, authority })
  })

  it('takes OPTIONS of a whole server, in either form', () => {
    expect(requestOf('OPTIONS * HTTP/1.1', HOST)).toMatchObject({ path: '*' })
    expect(requestOf('OPTIONS http://web.shop HTTP/1.1', HOST)).toMatchObject({ path: '*' })
    expect(requestOf('OPTIONS http://web.shop/ HTTP/1.1', HOST)).toMatchObject({ path: '/' })
  })

  it('overlooks two empty lines before the request, and no third', () => {
    const head = headOf(GET, HOST)

    expect(accepted(parseRequestHead(`\r\n\r\n${head}`)).text).toBe(head)
    expect(refusal(parseRequestHead(`\r\n\r\n\r\n${head}`))).toBe(
      '400 The request line does not begin with a method and one space.',
    )
  })

  it.each([
    ['no length', [GET, HOST], { kind: 'none' }],
    ['a length of 0', [POST, HOST, 'Content-Length: 0'], { kind: 'none' }],
    ['a length', [POST, HOST, 'content-length:\t12 '], { kind: 'length', bytes: 12 }],
    [
      'the largest length',
      [POST, HOST, 'Content-Length: 9007199254740991'],
      { kind: 'length', bytes: 2 ** 53 - 1 },
    ],
    ['chunks', [POST, HOST, 'Transfer-Encoding: Chunked'], { kind: 'chunked' }],
  ])('finds the framing of %s', (_, lines, framing) => {
    expect(requestOf(...lines).framing).toEqual(framing)
  })

  it.each([
    ['HTTP/1.1 says nothing', [GET, HOST], true],
    ['HTTP/1.1 closes', [GET, HOST, 'Connection: foo , CLOSE'], false],
    ['HTTP/1.1 closes by a second line', [GET, HOST, 'Connection: keep-alive', 'Connection: close'], false],
    ['HTTP/1.0 says nothing', ['GET / HTTP/1.0'], false],
    ['HTTP/1.0 keeps it', ['GET / HTTP/1.0', 'Connection: Keep-Alive'], true],
    ['HTTP/1.0 says both', ['GET / HTTP/1.0', 'Connection: close, keep-alive'], false],
  ])('knows whether the connection stays where %s', (_, lines, isKeepAlive) => {
    expect(requestOf(...lines)).toMatchObject({ isKeepAlive })
  })

  it('knows of a client that waits before it sends its body', () => {
    const expects = (...lines: string[]) => requestOf(...lines, 'Expect: 100-Continue').expectsContinue

    expect(expects(POST, HOST, 'Content-Length: 1')).toBe(true)
    expect(expects(POST, HOST, 'Transfer-Encoding: chunked')).toBe(true)
    expect(expects(GET, HOST)).toBe(false)
    expect(expects('POST / HTTP/1.0', 'Content-Length: 1')).toBe(false)
  })

  it.each([
    ['proper', [GET, HOST, 'Connection: keep-alive, Upgrade', 'Upgrade: WebSocket'], 'websocket'],
    ['for one of two', [GET, HOST, 'Connection: upgrade', 'Upgrade: h2c', 'Upgrade: foo/2'], 'h2c, foo/2'],
    ['not in Connection', [GET, HOST, 'Upgrade: websocket'], undefined],
    ['without a field', [GET, HOST, 'Connection: upgrade'], undefined],
    ['of HTTP/1.0', ['GET / HTTP/1.0', 'Connection: upgrade', 'Upgrade: websocket'], undefined],
    [
      'with a body',
      [POST, HOST, 'Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 1'],
      undefined,
    ],
    [
      'with chunks',
      [POST, HOST, 'Connection: upgrade', 'Upgrade: websocket', 'Transfer-Encoding: chunked'],
      undefined,
    ],
  ])('tells of an upgrade: %s', (_, lines, upgrade) => {
    expect(requestOf(...lines)).toMatchObject({ upgrade })
  })

  it.each([
    'web',
    'web_1.shop:80',
    '10.0.0.1',
    '[::1]',
    '[2001:db8::1]:8080',
    'web:',
    'a%2Db',
    'web:65535',
    '[::1]:',
  ])('takes the host %s', (host) => {
    expect(requestOf(GET, `Host: ${host}`).framing.kind).toBe('none')
  })

  it('takes bytes above ASCII in values, and 200 fields', () => {
    const many = Array.from({ length: 199 }, (_, index) => `x_${index}: \xe9\xff`)

    expect(fieldOf(requestOf(GET, HOST, ...many), 'x_198')).toBe('\xe9\xff')
  })
})

describe('fieldOf and allFieldsOf', () => {
  const head = requestOf(GET, 'a:', 'X-A_B: \t 1 2\t ', 'x-a_b:3', HOST, 'x-a: 4')

  it('finds fields by name without case, first or all', () => {
    expect(fieldOf(head, 'x-a_b')).toBe('1 2')
    expect(allFieldsOf(head, 'x-a_b')).toEqual(['1 2', '3'])
    expect(fieldOf(head, 'host')).toBe('web.shop')
    expect(fieldOf(head, 'x-a')).toBe('4')
    expect(fieldOf(head, 'a')).toBe('')
  })

  it('finds nothing where names only begin alike', () => {
    expect(fieldOf(head, 'x')).toBeUndefined()
    expect(fieldOf(head, 'x-a_')).toBeUndefined()
    expect(allFieldsOf(head, 'x-a_bc')).toEqual([])
  })
})
