import { visible } from '../corpus/hostile-request.ts'
import {
  EVIL,
  type HostileResponse,
  ok,
  type ResponseFlaw,
  response,
  responseFamily,
} from './hostile-response.ts'

const BODY = ['Content-Length: 5']

const STATUS_LINES: readonly (readonly [line: string, flaw: string])[] = [
  ['HTTP/1.1  200 OK', 'two spaces stand before the status'],
  ['HTTP/1.1\t200 OK', 'a tab stands before the status'],
  ['HTTP/1.1 20 OK', 'the status has two digits'],
  ['HTTP/1.1 2000 OK', 'the status has four digits'],
  ['HTTP/1.1 abc OK', 'the status is a word'],
  ['HTTP/1.1 -20 OK', 'the status is negative'],
  ['HTTP/1.1 000 OK', 'the status is nothing'],
  ['HTTP/1.1 099 OK', 'the status is less than any'],
  ['HTTP/1.1 2x0 OK', 'the status has a letter'],
  ['HTTP/1.1', 'there is no status'],
  ['HTTP/2.0 200 OK', 'the version is 2.0'],
  ['HTTP/0.9 200 OK', 'the version is 0.9'],
  ['HTTP/1.10 200 OK', 'the minor number has two digits'],
  ['http/1.1 200 OK', 'the protocol is in lower case'],
  ['ICY 200 OK', 'the protocol is that of Shoutcast'],
  ['SSH-2.0-OpenSSH_9.2', 'the greeting of SSH comes'],
  ['200 OK', 'the protocol is missing'],
  ['GET / HTTP/1.1', 'a request comes from an endpoint'],
  ['HTTP/1.1 200 OK\x00', 'NUL stands in the reason'],
  ['HTTP/1.1 200 O\x01K', 'a control character stands in the reason'],
  ['HTTP/1.1 200 O\rK', 'a bare CR stands in the reason'],
  ['HTTP/1.1 200 OK\nX: x', 'a bare LF ends the line'],
  [' HTTP/1.1 200 OK', 'the line begins with a space'],
  ['\x00HTTP/1.1 200 OK', 'the line begins with NUL'],
]

const LINES: readonly (readonly [line: string, flaw: string])[] = [
  ['X: x\r\n folded', 'a line is folded'],
  ['X: x\nY: y', 'a bare LF ends a line'],
  ['X: x\n\nY: y', 'two bare LFs look like the end of the head'],
  ['X: x\rY: y', 'a bare CR stands in a value'],
  ['X: a\x00b', 'NUL stands in a value'],
  ['X: a\x01b', 'a control character stands in a value'],
  ['X: a\x7fb', 'DEL stands in a value'],
  ['X : x', 'a space stands before a colon'],
  [': x', 'a name is empty'],
  ['X', 'there is no colon'],
  ['X Y: x', 'a name has a space'],
  ['X\xe9: x', 'a name is not of ASCII'],
  [' X: x', 'a line begins with a space'],
  ['HTTP/1.1 200 OK', 'a status line stands among the fields'],
  ['\x00X: x', 'NUL stands before a name'],
]

const ODD: readonly ResponseFlaw[] = [
  {
    name: 'no reason',
    flaw: 'the reason is missing, which is in order',
    text: response('HTTP/1.1 200 ', BODY, 'hello'),
    fate: 'passed',
  },
  {
    name: 'no space',
    flaw: 'reason and space are missing',
    text: response('HTTP/1.1 200', BODY, 'hello'),
    fate: 'any',
  },
  {
    name: 'status 999',
    flaw: 'the status is of no class',
    text: response('HTTP/1.1 999 What', BODY, 'hello'),
    fate: 'any',
  },
  {
    name: 'status 600',
    flaw: 'the status is of no class',
    text: response('HTTP/1.1 600 What', BODY, 'hello'),
    fate: 'any',
  },
  {
    name: 'version 1.2',
    flaw: 'the version is 1.2',
    text: response('HTTP/1.2 200 OK', BODY, 'hello'),
    fate: 'any',
  },
  {
    name: 'version 1.0',
    flaw: 'the version is 1.0, which is in order',
    text: response('HTTP/1.0 200 OK', BODY, 'hello'),
    fate: 'passed',
  },
  {
    name: 'reason of Latin-1',
    flaw: 'the reason is not of ASCII',
    text: response('HTTP/1.1 200 \xe9', BODY, 'hello'),
    fate: 'any',
  },
  { name: 'CRLF first', flaw: 'an empty line comes first', text: `\r\n${ok(BODY, 'hello')}`, fate: 'any' },
  { name: 'nothing', flaw: 'the connection ends without a response', text: '', ends: true },
  {
    name: 'head cut',
    flaw: 'the connection ends within the head',
    text: 'HTTP/1.1 200 OK\r\nContent-Le',
    ends: true,
  },
  { name: 'rubbish', flaw: 'bytes come that are no response', text: 'hello\r\n\r\n', ends: true },
  { name: 'HTTP/0.9', flaw: 'the content comes without a head', text: '<html>EVIL</html>', ends: true },
  { name: 'TLS', flaw: 'the alert of a TLS server comes', text: '\x15\x03\x01\x00\x02\x02\x50', ends: true },
  {
    name: 'HTTP/2',
    flaw: 'the settings of an HTTP/2 server come',
    text: '\x00\x00\x00\x04\x00\x00\x00\x00\x00',
    ends: true,
  },
  {
    name: 'a field of 70 KiB',
    flaw: 'a value is longer than any head may be',
    text: ok([`X: ${'a'.repeat(70_000)}`, ...BODY], 'hello'),
    fate: 'any',
  },
  {
    name: 'a head without end',
    flaw: 'the head does not end',
    text: `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(300_000)}`,
    ends: true,
  },
  {
    name: '5,000 fields',
    flaw: 'there are very many fields',
    text: ok([...Array.from({ length: 5_000 }, (_, index) => `X-${index}: x`), ...BODY], 'hello'),
    fate: 'any',
  },
  {
    name: 'only LFs',
    flaw: 'all lines end in bare LFs',
    text: ok(BODY, 'hello').replaceAll('\r\n', '\n'),
    ends: true,
  },
]

function lines(): ResponseFlaw[] {
  const statuses = STATUS_LINES.map(([line, flaw]) => ({
    name: `status line ${visible(line)}`,
    flaw,
    text: response(line, BODY, `hello${EVIL}`),
    ends: true,
  }))
  const fields = LINES.map(([line, flaw]) => ({
    name: `field ${visible(line)}`,
    flaw,
    text: ok([...BODY, line], `hello${EVIL}`),
    ends: true,
  }))
  return [...statuses, ...fields]
}

/** Status lines and fields that are none (RFC 9112, 4 and 5). */
export function heads(): HostileResponse[] {
  return responseFamily('head', [...lines(), ...ODD])
}
