import { describe, expect, it } from 'vitest'
import { parseRequestHead } from './request-head.ts'
import { headOf, refusal } from './test/heads.ts'

const GET = 'GET / HTTP/1.1'
const POST = 'POST / HTTP/1.1'
const HOST = 'Host: web.shop'

describe('parseRequestHead refuses', () => {
  const line = (text: string) => headOf(text, HOST)
  const field = (...lines: string[]) => headOf(POST, HOST, ...lines)

  it.each([
    ['no method', line(' / HTTP/1.1'), '400 The request line does not begin with a method and one space.'],
    ['a method that is no token', line('G(T / HTTP/1.1'), '400 The request line does not begin'],
    ['a long method', line(`${'A'.repeat(65)} / HTTP/1.1`), '501 The method has more than 64 bytes.'],
    ['one word', line('GET'), '400 The request line does not begin'],
    ['no version', line('GET /'), '400 The request line has no version.'],
    ['no version after a space', line('GET / '), '400 The request line has no version.'],
    ['two spaces before the target', line('GET  / HTTP/1.1'), '400 The request line is not method, target'],
    ['two spaces before the version', line('GET /  HTTP/1.1'), '400 The request line is not method, target'],
    ['a tab before the version', line('GET /\tHTTP/1.1'), '400 The request target has a character'],
    ['a space after the version', line('GET / HTTP/1.1 '), '400 The request line is not method, target'],
    ['a space in the target', line('GET /a b HTTP/1.1'), '400 The request line is not method, target'],
    ['a fragment', line('GET /a#b HTTP/1.1'), '400 The request target has a character'],
    ['a control in the target', line('GET /a\x00b HTTP/1.1'), '400 The request target has a character'],
    ['DEL in the target', line('GET /a\x7fb HTTP/1.1'), '400 The request target has a character'],
    [
      'a byte above ASCII in the target',
      line('GET /\xe9 HTTP/1.1'),
      '400 The request target has a character',
    ],
    ['a target without slash', line('GET a HTTP/1.1'), '400 The request target is neither'],
    ['* of another method', line('GET * HTTP/1.1'), '400 The request target is neither'],
    ['another scheme', line('GET ftp://web.shop/ HTTP/1.1'), '400 The request target is neither'],
    ['an URI without authority', line('GET http:///a HTTP/1.1'), '400 The authority of the request target'],
    ['user information', line('GET http://me@web.shop/ HTTP/1.1'), '400 The authority of the request target'],
    ['CONNECT', line('CONNECT web.shop:443 HTTP/1.1'), '405 The method CONNECT is not served.'],
    ['HTTP/2.0', line('PRI * HTTP/2.0'), '505 The version of the request is neither HTTP/1.1 nor HTTP/1.0.'],
    ['HTTP/1.2', line('GET / HTTP/1.2'), '505 The version'],
    ['HTTP/0.9', line('GET / HTTP/0.9'), '505 The version'],
    ['HTTP/1.10', line('GET / HTTP/1.10'), '400 The request line is not method, target'],
    ['http/1.1', line('GET / http/1.1'), '400 The request line is not method, target'],
    [
      'a long target',
      line(`GET /${'a'.repeat(32_768)} HTTP/1.1`),
      '414 The request target has more than 32768',
    ],
    ['a large head', field(`a: ${'b'.repeat(65_500)}`), '431 The head has more than 65536 bytes.'],
    ['201 fields', field(...Array<string>(200).fill('a: b')), '431 The head has more than 200 fields.'],
    ['an empty text', '', '400 The head does not end in an empty line.'],
    ['no empty line', `${GET}\r\n${HOST}\r\n`, '400 The head does not end in an empty line.'],
    ['more than a head', `${headOf(GET, HOST)}${headOf(GET, HOST)}`, '400 The head has an empty line'],
    ['LF alone', `${GET}\r\n${HOST}\na: b\r\n\r\n`, '400 The line of the field Host ends in LF without CR.'],
    ['LF after the request line', `${GET}\n${HOST}\r\n\r\n`, '400 The request line is not method, target'],
    ['CR alone', field('a: b\rc: d'), '400 The field a has a CR without LF.'],
    ['two CRs', field('a: b\r'), '400 The field a has a CR without LF.'],
    ['a length with an underscore', field('Content_Length: 1'), '400 A field name has an underscore'],
    [
      'a coding with an underscore',
      field('transfer_encoding: chunked'),
      '400 A field name has an underscore',
    ],
    ['a tab after the coding', field('Transfer-Encoding: chunked\t'), '400 Transfer-Encoding has a tab.'],
    ['a NUL', field('a: b\x00c'), '400 The field a has a control character.'],
    [
      'a vertical tab',
      field('Content-Length: \x0b1'),
      '400 The field Content-Length has a control character.',
    ],
    ['DEL', field('a: \x7f'), '400 The field a has a control character.'],
    ['a folded line', field('a: b', ' c'), '400 A line begins with white space: folded lines are obsolete.'],
    ['a folded first line', headOf(GET, '\tfolded', HOST), '400 A line begins with white space'],
    [
      'a space before the colon',
      field('Content-Length : 1'),
      '400 There is white space between the field name',
    ],
    ['an empty name', field(': b'), '400 A field has no name.'],
    ['no colon', field('abc'), '400 The line abc has no colon.'],
    ['a name that is no token', field('a(b: c'), '400 The field name that begins with a has a character'],
    ['a name above ASCII', field('\xe9: c'), '400 A field name begins with a character'],
    ['text that is no latin1', field('a: \u0100'), '400 The field a has a control character.'],
    ['no Host', headOf(GET), '400 Host is missing.'],
    ['two Hosts', field('HOST: web.shop'), '400 Host is there more than once.'],
    ['two Hosts of HTTP/1.0', headOf('GET / HTTP/1.0', HOST, HOST), '400 Host is there more than once.'],
  ])('%s', (_, text, sentence) => {
    expect(refusal(parseRequestHead(text))).toContain(sentence)
  })

  it.each([
    ...[
      '',
      'a b',
      'me@web',
      'a,b',
      'a/b',
      'web:x',
      'web:65536',
      'web:80:80',
      '::1',
      '[::1',
      '[::1]80',
      '[g::]',
    ],
    ...[
      '[fe80::1%eth0]',
      '[]',
      ':80',
      'a%zz',
      'a\xe9',
      'a'.repeat(256),
      'http://web',
      'web?',
      'web#',
      'a\\b',
    ],
  ])('the host "%s"', (host) => {
    expect(refusal(parseRequestHead(headOf(GET, `Host: ${host}`)))).toBe('400 Host is malformed.')
  })

  it.each([
    ...['', '-1', '+1', '1 1', '1,1', '1, 1', '0x1', '1.0', '1e3', '01', '00', '9007199254740992', '1_0'],
    ...['10000000000000000000000', '\xa01', '1;', '"1"', 'a'],
  ])('the Content-Length "%s"', (length) => {
    expect(refusal(parseRequestHead(field(`Content-Length: ${length}`)))).toBe(
      '400 Content-Length is malformed.',
    )
  })

  it.each([
    ['gzip', '501 Transfer-Encoding names a coding other than chunked.'],
    ['gzip, chunked', '501 Transfer-Encoding names a coding other than chunked.'],
    ['identity', '501 Transfer-Encoding names a coding other than chunked.'],
    ['xchunked', '501 Transfer-Encoding names a coding other than chunked.'],
    ['chunked, gzip', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
    ['chunked, chunked', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
    ['chunked,', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
    [', chunked', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
    ['chunked;a=b', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
    ['"chunked"', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
    ['\xa0chunked', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
    ['', '400 Transfer-Encoding is malformed, or not chunked last and once.'],
  ])('the Transfer-Encoding "%s"', (coding, sentence) => {
    expect(refusal(parseRequestHead(field(`Transfer-Encoding: ${coding}`)))).toBe(sentence)
  })

  it.each([
    [
      ['Content-Length: 1', 'Transfer-Encoding: chunked'],
      '400 Content-Length and Transfer-Encoding are both there.',
    ],
    [
      ['Transfer-Encoding: chunked', 'Content-Length: 0'],
      '400 Content-Length and Transfer-Encoding are both there.',
    ],
    [['Content-Length: 1', 'content-length: 1'], '400 Content-Length is there more than once.'],
    [
      ['Transfer-Encoding: chunked', 'TRANSFER-ENCODING: chunked'],
      '400 Transfer-Encoding is there more than once.',
    ],
    [['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], '501 Transfer-Encoding names a coding'],
    [['Expect: 200-ok'], '417 Expect asks for something other than 100-continue.'],
    [['Expect: 100-continue, foo'], '417 Expect asks for something'],
    [['Connection: a b'], '400 The field Connection has an option that is no token.'],
    [['Connection: close\xa0'], '400 The field Connection has an option that is no token.'],
    [['Connection: close, Content-Length'], '400 The field Connection names content-length'],
    [['Connection: keep-alive', 'Connection: host'], '400 The field Connection names host'],
    [['Connection: authorization'], '400 The field Connection names authorization'],
    [[`Connection: ${'a,'.repeat(33)}`], '400 The field Connection has too many options.'],
  ])('%j', (lines, sentence) => {
    expect(refusal(parseRequestHead(field(...lines)))).toContain(sentence)
  })

  it('Transfer-Encoding of HTTP/1.0', () => {
    expect(refusal(parseRequestHead(headOf('POST / HTTP/1.0', 'Transfer-Encoding: chunked')))).toBe(
      '400 Transfer-Encoding is there, which HTTP/1.0 does not have.',
    )
  })
})
