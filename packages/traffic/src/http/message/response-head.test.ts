import { describe, expect, it } from 'vitest'
import { fieldOf } from './request-head.ts'
import { parseResponseHead } from './response-head.ts'
import { headOf, refusal, responseOf } from './test/heads.ts'

const OK = 'HTTP/1.1 200 OK'

describe('parseResponseHead', () => {
  it.each([
    [OK, { status: 200, reason: 'OK', minor: 1 }],
    ['HTTP/1.0 404 Not \xe9 Found', { status: 404, reason: 'Not \xe9 Found', minor: 0 }],
    ['HTTP/1.1 200 ', { status: 200, reason: '', minor: 1 }],
    ['HTTP/1.1 999', { status: 999, reason: '', minor: 1 }],
  ])('reads %j', (line, read) => {
    expect(responseOf([line, 'a: b'])).toMatchObject(read)
    expect(fieldOf(responseOf([line, 'a: b']), 'a')).toBe('b')
  })

  it.each([
    ['a length', [OK, 'Content-Length: 5'], { kind: 'length', bytes: 5 }],
    ['a length with zeros before it', [OK, 'Content-Length: 005'], { kind: 'length', bytes: 5 }],
    ['a length of 0', [OK, 'Content-Length: 0'], { kind: 'none' }],
    ['chunks', [OK, 'transfer-encoding: CHUNKED'], { kind: 'chunked' }],
    ['nothing', [OK], { kind: 'until-close' }],
    ['nothing, of HTTP/1.0', ['HTTP/1.0 200 OK', 'Connection: keep-alive'], { kind: 'until-close' }],
    ['a length, after HEAD', ['HEAD', OK, 'Content-Length: 5'], { kind: 'none' }],
    ['chunks, after HEAD', ['HEAD', OK, 'Transfer-Encoding: chunked'], { kind: 'none' }],
    ['nothing, after HEAD', ['HEAD', OK], { kind: 'none' }],
    ['204', ['HTTP/1.1 204 No Content'], { kind: 'none' }],
    ['304 with a length', ['HTTP/1.1 304 Not Modified', 'Content-Length: 5'], { kind: 'none' }],
    ['205 with a length', ['HTTP/1.1 205 Reset Content', 'Content-Length: 5'], { kind: 'length', bytes: 5 }],
    ['100', ['HTTP/1.1 100 Continue'], { kind: 'none' }],
    ['101', ['HTTP/1.1 101 Switching Protocols', 'Upgrade: a'], { kind: 'none' }],
  ])('finds the framing of %s', (_, lines, framing) => {
    const isAfterHead = lines[0] === 'HEAD'

    expect(isAfterHead ? responseOf(lines.slice(1), 'HEAD').framing : responseOf(lines).framing).toEqual(
      framing,
    )
  })

  it.each([
    ['HTTP/1.1 says nothing', [OK, 'Content-Length: 5'], true],
    ['there is no length', [OK], false],
    ['HTTP/1.1 closes', [OK, 'Content-Length: 5', 'Connection: Close'], false],
    ['HTTP/1.0 says nothing', ['HTTP/1.0 200 OK', 'Content-Length: 5'], false],
    ['HTTP/1.0 keeps it', ['HTTP/1.0 200 OK', 'Content-Length: 5', 'Connection: Keep-Alive'], true],
    ['Connection can not be read', [OK, 'Content-Length: 5', 'Connection: close;'], false],
    ['204 tells of a length', ['HTTP/1.1 204 No Content', 'Content-Length: 5'], false],
    ['204 tells of chunks', ['HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked'], false],
    ['204 tells of nothing', ['HTTP/1.1 204 No Content', 'Content-Length: 0'], true],
    ['304 tells of a length', ['HTTP/1.1 304 Not Modified', 'Content-Length: 5'], true],
  ])('knows whether the connection may be used again where %s', (_, lines, isKeepAlive) => {
    expect(responseOf(lines)).toMatchObject({ isKeepAlive })
  })

  it.each([
    [100, true],
    [101, false],
    [102, true],
    [103, true],
    [199, true],
    [200, false],
  ])('tells %i interim: %s', (status, isInterim) => {
    expect(responseOf([`HTTP/1.1 ${status} X`, 'Upgrade: a'])).toMatchObject({ isInterim })
  })

  it('tells of an upgrade that took place, and of no offer', () => {
    expect(responseOf(['HTTP/1.1 101 X', 'Connection: upgrade', 'Upgrade: WebSocket'])).toMatchObject({
      upgrade: 'websocket',
    })
    expect(responseOf(['HTTP/1.1 426 X', 'Upgrade: WebSocket'])).toMatchObject({ upgrade: undefined })
  })

  it.each([
    ['no version', headOf('ICY 200 OK'), 'The status line is malformed.'],
    ['another version', headOf('HTTP/2.0 200 OK'), 'The status line is malformed.'],
    ['another minor version', headOf('HTTP/1.2 200 OK'), 'The status line is malformed.'],
    ['an empty line before it', `\r\n${headOf(OK)}`, 'The status line is malformed.'],
    ['two digits', headOf('HTTP/1.1 20 OK'), 'The status line is malformed.'],
    ['four digits', headOf('HTTP/1.1 2000 OK'), 'The status line is malformed.'],
    ['a letter', headOf('HTTP/1.1 2x0 OK'), 'The status line is malformed.'],
    ['a status below 100', headOf('HTTP/1.1 099 OK'), 'The status line is malformed.'],
    ['two spaces', headOf('HTTP/1.1  200 OK'), 'The status line is malformed.'],
    ['a tab', headOf('HTTP/1.1 200\tOK'), 'The status line is malformed.'],
    ['a control in the reason', headOf('HTTP/1.1 200 O\x00K'), 'The status line is malformed.'],
    ['LF after the status line', `${OK}\na: b\r\n\r\n`, 'The status line is malformed.'],
    ['no end', `${OK}\r\n`, 'The head does not end in an empty line.'],
    ['an early end', `${headOf(OK)}a: b\r\n\r\n`, 'The head has an empty line'],
    ['CR alone', headOf(OK, 'a: b\rc'), 'The field a has a CR without LF.'],
    ['LF alone', headOf(OK, 'a: b\nc: d'), 'The line of the field a ends in LF without CR.'],
    ['a NUL', headOf(OK, 'a: \x00'), 'The field a has a control character.'],
    ['a folded line', headOf(OK, 'a: b', '\tc'), 'A line begins with white space'],
    ['a name that is no token', headOf(OK, 'a b: c'), 'There is white space between the field name a'],
    ['length and coding', headOf(OK, 'Content-Length: 1', 'Transfer-Encoding: chunked'), 'are both there.'],
    [
      'two lengths',
      headOf(OK, 'Content-Length: 1', 'Content-Length: 1'),
      'Content-Length is there more than',
    ],
    ['a malformed length', headOf(OK, 'Content-Length: 1, 1'), 'Content-Length is malformed.'],
    ['another coding', headOf(OK, 'Transfer-Encoding: gzip, chunked'), 'names a coding other than chunked.'],
    [
      'coding of HTTP/1.0',
      headOf('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked'),
      'HTTP/1.0 does not have.',
    ],
    ['101 without Upgrade', headOf('HTTP/1.1 101 X'), 'Upgrade is missing in a response of status 101.'],
    ['a large head', headOf(OK, `a: ${'b'.repeat(65_536)}`), 'The head has more than 65536 bytes.'],
    ['201 fields', headOf(OK, ...Array<string>(201).fill('a: b')), 'The head has more than 200 fields.'],
  ])('refuses %s', (_, text, sentence) => {
    expect(refusal(parseResponseHead(text, 'GET'))).toMatch(/^502 /)
    expect(refusal(parseResponseHead(text, 'GET'))).toContain(sentence)
  })
})
