import { describe, expect, it } from 'vitest'
import { isProblem } from './head-problem.ts'
import { type OutgoingResponseOptions, outgoingResponse } from './outgoing-response.ts'
import { headOf, refusal, responseOf } from './test/heads.ts'

const OK = 'HTTP/1.1 200 OK'
const DEFAULTS: OutgoingResponseOptions = {
  clientMinor: 1,
  connection: 'keep-alive',
  extraLines: '',
  dropsChunked: false,
}

function sent(lines: readonly string[], options: Partial<OutgoingResponseOptions> = {}): string {
  const text = outgoingResponse(responseOf(lines), { ...DEFAULTS, ...options })
  return isProblem(Object(text)) ? refusal(Object(text)) : String(text)
}

describe('outgoingResponse', () => {
  it('is the very text where nothing changes', () => {
    const head = responseOf([OK, 'Content-Type: a', 'Transfer-Encoding: chunked', 'Trailer: x'])

    expect(outgoingResponse(head, DEFAULTS)).toBe(head.text)
  })

  it.each([
    ['Connection', ['Connection: keep-alive, x', 'a: b'], ['a: b']],
    ['Keep-Alive and Proxy-Connection', ['Keep-Alive: timeout=5', 'Proxy-Connection: close'], []],
    ['what Connection names', ['foo: 1', 'Connection: Foo', 'a: b'], ['a: b']],
    ['no field that all must see', ['Connection: set-cookie, close', 'Set-Cookie: a'], ['Set-Cookie: a']],
    ['an offer to upgrade', ['Upgrade: h2c', 'Connection: Upgrade'], []],
  ])('drops %s', (_, lines, kept) => {
    expect(sent([OK, ...lines])).toBe(headOf(OK, ...kept))
  })

  it.each(['keep-alive', 'Keep-Alive'])('passes Connection: %s on where the connection stays', (option) => {
    const lines = [OK, `Connection: ${option}`, 'a: b']

    expect(sent(lines)).toBe(headOf(...lines))
    expect(sent(lines, { clientMinor: 0 })).toBe(headOf(OK, 'a: b', 'Connection: keep-alive'))
  })

  it('says that the connection closes', () => {
    expect(sent([OK, 'Connection: keep-alive', 'a: b'], { connection: 'close' })).toBe(
      headOf(OK, 'a: b', 'Connection: close'),
    )
  })

  it('says to a client of HTTP/1.0 that the connection stays', () => {
    expect(sent([OK, 'a: b'], { clientMinor: 0 })).toBe(headOf(OK, 'a: b', 'Connection: keep-alive'))
    expect(sent([OK, 'a: b'], { clientMinor: 0, connection: 'close' })).toBe(
      headOf(OK, 'a: b', 'Connection: close'),
    )
  })

  it('adds our lines at the end', () => {
    expect(sent([OK, 'a: b'], { extraLines: 'Set-Cookie: c\r\n' })).toBe(headOf(OK, 'a: b', 'Set-Cookie: c'))
  })

  it('drops the coding of a body that goes out without it, and what tells of trailers', () => {
    expect(sent([OK, 'Transfer-Encoding: chunked', 'Trailer: x', 'a: b'], { dropsChunked: true })).toBe(
      headOf(OK, 'a: b'),
    )
  })

  it('lets an upgrade through', () => {
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: WebSocket', 'Connection: Upgrade', 'a: b']

    expect(sent(lines, { connection: 'upgrade' })).toBe(
      headOf('HTTP/1.1 101 Switching Protocols', 'a: b', 'Connection: upgrade', 'Upgrade: WebSocket'),
    )
  })

  it('lets the demand for an upgrade through, whatever becomes of the connection', () => {
    const lines = ['HTTP/1.1 426 Upgrade Required', 'Upgrade: h2c', 'Connection: close']

    expect(sent(lines)).toBe(headOf('HTTP/1.1 426 Upgrade Required', 'Connection: upgrade', 'Upgrade: h2c'))
    expect(sent(lines, { connection: 'close' })).toBe(
      headOf('HTTP/1.1 426 Upgrade Required', 'Connection: close, upgrade', 'Upgrade: h2c'),
    )
  })

  it.each([
    ['HTTP/1.0 200 OK', OK],
    ['HTTP/1.1 200', 'HTTP/1.1 200 '],
  ])('writes %j anew', (came, goes) => {
    expect(sent([came, 'a: b'])).toBe(headOf(goes, 'a: b'))
  })

  it.each([
    ['HTTP/1.1 204 No Content', 'Content-Length: 5'],
    ['HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked'],
    ['HTTP/1.1 103 Early Hints', 'Transfer-Encoding: chunked'],
  ])('does not tell of content that %s can not have', (line, field) => {
    expect(sent([line, field, 'a: b'])).toBe(headOf(line, 'a: b'))
  })

  it('leaves lengths of what HEAD and 304 do not send', () => {
    expect(sent(['HTTP/1.1 304 Not Modified', 'Content-Length: 5'])).toBe(
      headOf('HTTP/1.1 304 Not Modified', 'Content-Length: 5'),
    )
  })

  it('sends nothing where our lines are malformed', () => {
    expect(sent([OK], { extraLines: 'a: b\r\n\r\n' })).toBe(
      '502 The response can not be passed on: what would go to the client is malformed.',
    )
  })
})
