import { describe, expect, it } from 'vitest'
import { isProblem } from './head-problem.ts'
import { type OutgoingRequestOptions, outgoingRequest } from './outgoing-request.ts'
import { headOf, refusal, requestOf } from './test/heads.ts'
import { problemOfOutgoing } from './valid-request.ts'

const GET = 'GET /a HTTP/1.1'
const HOST = 'Host: web.shop'
const DEFAULTS: OutgoingRequestOptions = { extraLines: '', keepsUpgrade: false, defaultHost: 'default.shop' }

function sent(lines: readonly string[], options: Partial<OutgoingRequestOptions> = {}): string {
  const text = outgoingRequest(requestOf(...lines), { ...DEFAULTS, ...options })
  return isProblem(Object(text)) ? refusal(Object(text)) : String(text)
}

describe('outgoingRequest', () => {
  it('leaves what concerns the endpoint as it came', () => {
    const lines = [GET, 'HOST:web.shop ', 'X_a:  1', 'cookie: \xe9', 'Content-Length: 5', 'Trailer: x']

    expect(sent(lines)).toBe(headOf(...lines))
    expect(sent([...lines, 'Expect: 100-continue'])).toBe(headOf(...lines, 'Expect: 100-continue'))
  })

  it('adds our lines after those of the client', () => {
    expect(sent([GET, HOST, 'a: b'], { extraLines: 'c: d\r\ne: f\r\n' })).toBe(
      headOf(GET, HOST, 'a: b', 'c: d', 'e: f'),
    )
  })

  it.each([
    ['Connection', ['Connection: keep-alive'], []],
    ['several lines of it', ['Connection: close', 'a: b', 'connection: ,close'], ['a: b']],
    ['what it names', ['FOO: 1', 'Connection: close, Foo,bar', 'a: b', 'bar: 2', 'foo: 3'], ['a: b']],
    ['only that', ['foo-bar: 1', 'Connection: foo', 'fo: 2'], ['foo-bar: 1', 'fo: 2']],
    ['Keep-Alive and Proxy-Connection', ['Keep-Alive: timeout=5', 'Proxy-Connection: close'], []],
    ['TE', ['TE: gzip', 'Connection: TE'], []],
    [
      'all of TE but trailers',
      ['TE: gzip;q=0.5, Trailers', 'Connection: te'],
      ['Connection: TE', 'TE: trailers'],
    ],
    ['what only looks like trailers', ['TE: \xa0trailers', 'Connection: TE'], []],
    ['Upgrade', ['Connection: upgrade', 'Upgrade: websocket', 'a: b'], ['a: b']],
    [
      'settings of HTTP/2',
      ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAA', 'Connection: Upgrade, HTTP2-Settings'],
      [],
    ],
  ])('drops %s', (_, lines, kept) => {
    expect(sent([GET, HOST, ...lines])).toBe(headOf(GET, HOST, ...kept))
  })

  it('keeps an upgrade that the endpoint is asked for, and drops what else Connection names', () => {
    const lines = [GET, 'Upgrade: WebSocket', HOST, 'Connection: keep-alive, Upgrade, foo', 'foo: 1', 'a: b']

    expect(sent(lines, { keepsUpgrade: true })).toBe(
      headOf(GET, HOST, 'a: b', 'Connection: upgrade', 'Upgrade: WebSocket'),
    )
  })

  it('keeps settings and trailers with an upgrade', () => {
    const lines = [
      'Upgrade: h2c',
      'HTTP2-Settings: AAM',
      'Connection: Upgrade, HTTP2-Settings, TE',
      'TE: trailers',
    ]

    expect(sent([GET, HOST, ...lines], { keepsUpgrade: true })).toBe(
      headOf(
        ...[GET, HOST, 'Connection: upgrade, HTTP2-Settings, TE', 'Upgrade: h2c'],
        ...['HTTP2-Settings: AAM', 'TE: trailers'],
      ),
    )
  })

  it('drops an upgrade of a request with a body, whatever is asked for', () => {
    const lines = [GET, HOST, 'Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 3']

    expect(sent(lines, { keepsUpgrade: true })).toBe(headOf(GET, HOST, 'Content-Length: 3'))
  })

  it.each([
    ['http://other.shop:81/b?c HTTP/1.1', '/b?c'],
    ['http://other.shop:81 HTTP/1.1', '/'],
    ['http://other.shop:81?c HTTP/1.0', '/?c'],
  ])('makes %s a path, and the authority the Host', (rest, path) => {
    expect(sent([`GET ${rest}`, 'a: b', HOST, 'c: d'])).toBe(
      headOf(`GET ${path} HTTP/1.1`, 'Host: other.shop:81', 'a: b', 'c: d'),
    )
  })

  it('makes an OPTIONS of a whole server *', () => {
    expect(sent(['OPTIONS http://web.shop HTTP/1.1', HOST])).toBe(headOf('OPTIONS * HTTP/1.1', HOST))
  })

  it('makes HTTP/1.0 HTTP/1.1, with a Host, and without expectations', () => {
    const old = 'POST /a HTTP/1.0'
    const newer = 'POST /a HTTP/1.1'

    expect(sent([old])).toBe(headOf(newer, 'Host: default.shop'))
    expect(sent([old, 'a: b', HOST, 'Connection: keep-alive'])).toBe(headOf(newer, 'a: b', HOST))
    expect(sent([old, HOST, 'Expect: 100-continue', 'Content-Length: 1'])).toBe(
      headOf(newer, HOST, 'Content-Length: 1'),
    )
  })

  it('puts our addresses in place of those of the client, which ours begin with', () => {
    const lines = [GET, HOST, 'x-forwarded-for: 1.1.1.1', 'Forwarded: for=1.1.1.1', 'a: b']
    const ours = 'X-Forwarded-For: 1.1.1.1, 2.2.2.2'

    expect(sent(lines, { extraLines: `${ours}\r\n` })).toBe(
      headOf(GET, HOST, 'Forwarded: for=1.1.1.1', 'a: b', ours),
    )
    expect(sent(lines, { extraLines: `${ours}\r\nForwarded: for=2.2.2.2\r\n` })).toBe(
      headOf(GET, HOST, 'a: b', ours, 'Forwarded: for=2.2.2.2'),
    )
    expect(sent(lines, { extraLines: 'X-Not-Forwarded-For: 1\r\n' })).toBe(
      headOf(...lines, 'X-Not-Forwarded-For: 1'),
    )
  })

  it.each([
    'a: b\r\n\r\nGET / HTTP/1.1\r\n',
    'Content-Length: 5\r\n',
    'Host: b\r\n',
    'a: b\n',
    'a b\r\n',
    'a: b',
  ])('sends nothing where our lines were %j', (extraLines) => {
    expect(sent([GET, HOST], { extraLines })).toContain('400 The request can not be passed on')
  })
})

describe('problemOfOutgoing', () => {
  const NONE = { kind: 'none' } as const
  const LENGTH = { kind: 'length', bytes: 5 } as const
  const CHUNKED = { kind: 'chunked' } as const

  it.each([
    [NONE, [GET, HOST]],
    [NONE, ['OPTIONS * HTTP/1.1', HOST, 'Content-Length: 0']],
    [LENGTH, [GET, HOST, 'content-length:5\t']],
    [CHUNKED, [GET, HOST, 'TRANSFER-ENCODING: CHUNKED']],
  ])('is none for a sound one of %j', (framing, lines) => {
    expect(problemOfOutgoing(headOf(...lines), framing)).toBeUndefined()
  })

  it.each([
    ['no field', NONE, [GET]],
    ['another version', NONE, ['GET /a HTTP/1.0', HOST]],
    ['an absolute target', NONE, ['GET http://a/ HTTP/1.1', HOST]],
    ['two requests', NONE, [GET, HOST, '', GET, HOST]],
    ['no Host', NONE, [GET, 'a: b']],
    ['two Hosts', NONE, [GET, HOST, 'host: b']],
    ['a space before a colon', NONE, [GET, HOST, 'a : b']],
    ['a folded line', NONE, [GET, HOST, ' a: b']],
    ['LF alone', NONE, [GET, `${HOST}\na: b`]],
    ['CR alone', NONE, [GET, `${HOST}\ra: b`]],
    ['a control', NONE, [GET, `${HOST}\x00`]],
    ['text that is no latin1', NONE, [GET, HOST, 'a: \u010a']],
    ['a length that was not there', NONE, [GET, HOST, 'Content-Length: 5']],
    ['a coding that was not there', NONE, [GET, HOST, 'Transfer-Encoding: chunked']],
    ['another length', LENGTH, [GET, HOST, 'Content-Length: 6']],
    ['a length with a sign', LENGTH, [GET, HOST, 'Content-Length: +5']],
    ['a length after what is no white space', LENGTH, [GET, HOST, 'Content-Length: \xa05']],
    ['two lengths', LENGTH, [GET, HOST, 'Content-Length: 5', 'content-length: 5']],
    ['length and coding', LENGTH, [GET, HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['no length', LENGTH, [GET, HOST]],
    ['no coding', CHUNKED, [GET, HOST]],
    ['another coding', CHUNKED, [GET, HOST, 'Transfer-Encoding: gzip']],
    ['two codings', CHUNKED, [GET, HOST, 'Transfer-Encoding: chunked', 'transfer-encoding: chunked']],
    ['coding and length', CHUNKED, [GET, HOST, 'Transfer-Encoding: chunked', 'Content-Length: 0']],
    ['a body without end', { kind: 'until-close' } as const, [GET, HOST]],
  ])('is found where there is %s', (_, framing, lines) => {
    expect(problemOfOutgoing(headOf(...lines), framing)).toBeDefined()
  })

  it('takes its time by the length only', () => {
    const long = headOf(GET, HOST, ...Array<string>(5_000).fill('a: b'), `c: ${'d '.repeat(20_000)}`)

    expect(problemOfOutgoing(long, NONE)).toBeUndefined()
    expect(problemOfOutgoing(`${long.slice(0, -4)}\x00\r\n\r\n`, NONE)).toBeDefined()
  })
})
