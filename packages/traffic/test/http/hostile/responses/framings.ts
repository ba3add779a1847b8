import { visible } from '../corpus/hostile-request.ts'
import {
  EVIL,
  type HostileResponse,
  ok,
  type ResponseFlaw,
  response,
  responseFamily,
} from './hostile-response.ts'

/** Lines that frame a body of `hello` in more than one way, or in none. */
const AMBIGUOUS: readonly (readonly [lines: readonly string[], flaw: string])[] = [
  [['Content-Length: 5', 'Transfer-Encoding: chunked'], 'there are both a length and a coding'],
  [['Transfer-Encoding: chunked', 'Content-Length: 5'], 'there are both a coding and a length'],
  [
    ['Content-Length: 5', 'Transfer-Encoding: identity'],
    'there are a length and a coding that was withdrawn',
  ],
  [['Content-Length: 5', 'Content-Length: 6'], 'there are two different lengths'],
  [
    ['Content-Length: 0', 'Content-Length: 5'],
    'there are two different lengths, of which the first is nothing',
  ],
  [['Content-Length: 5, 6'], 'the length is a list of different numbers'],
  [['Content-Length: +5'], 'the length has a sign'],
  [['Content-Length: -5'], 'the length is negative'],
  [['Content-Length: 0x5'], 'the length is hexadecimal'],
  [['Content-Length: 5 5'], 'the length is two numbers'],
  [['Content-Length: 5.0'], 'the length has a fraction'],
  [['Content-Length: 5;x'], 'the length has a parameter'],
  [['Content-Length: '], 'the length is empty'],
  [['Content-Length: five'], 'the length is a word'],
  [['Content-Length: 18446744073709551621'], 'the length is 5 where 64 bits overflow'],
  [['Content-Length: 99999999999999999999999'], 'the length is more than any integer holds'],
  [['Content-Length : 5'], 'a space stands before the colon of the length'],
  [['Content-Length:\r\n 5'], 'the length is on a folded line'],
  [['Content-Length: 5\r'], 'a bare CR follows the length'],
  [['Content-Length: 5\x00'], 'NUL follows the length'],
  [['Transfer-Encoding : chunked'], 'a space stands before the colon of the coding'],
  [['Transfer-Encoding: \x0bchunked'], 'a vertical tab stands before the coding'],
  [['Transfer-Encoding: xchunked'], 'the coding is not known'],
  [['Transfer-Encoding: identity'], 'the coding was withdrawn'],
  [['Transfer-Encoding: gzip'], 'the coding is a compression'],
  [['Transfer-Encoding: gzip, chunked'], 'the content is compressed as well'],
  [['Transfer-Encoding: chunked, gzip'], 'chunked is not the last coding'],
  [['Transfer-Encoding: chunked, chunked'], 'chunked is named twice'],
  [['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], 'the coding comes twice'],
  [['Transfer-Encoding:'], 'the coding is empty'],
  [['Transfer-Encoding: "chunked"'], 'the coding is quoted'],
  [['X: x\r\n Transfer-Encoding: chunked'], 'the coding is a folded line of another field'],
  [['X: x\nTransfer-Encoding: chunked'], 'a bare LF stands before the coding'],
  [['X: x\rTransfer-Encoding: chunked'], 'a bare CR stands before the coding'],
]

/** Chunked bodies that go wrong after the head has been passed on. */
const CHUNKS: readonly (readonly [body: string, flaw: string])[] = [
  ['x\r\nhello\r\n0\r\n\r\n', 'the size is no number'],
  ['-5\r\nhello\r\n0\r\n\r\n', 'the size is negative'],
  ['+5\r\nhello\r\n0\r\n\r\n', 'the size has a sign'],
  ['0x5\r\nhello\r\n0\r\n\r\n', 'the size has a prefix'],
  [' 5\r\nhello\r\n0\r\n\r\n', 'a space stands before the size'],
  ['fffffffffffffffff\r\nhello\r\n0\r\n\r\n', 'the size is more than any integer holds'],
  ['5\nhello\n0\n\n', 'all lines end in bare LFs'],
  ['5\rhello\r0\r\r', 'all lines end in bare CRs'],
  ['5;\nx\r\nhello\r\n0\r\n\r\n', 'a bare LF stands in an extension'],
  ['5\r\nhelloXX0\r\n\r\n', 'other bytes stand where the CRLF should be'],
  ['3\r\nhello\r\n0\r\n\r\n', 'the data is longer than its size'],
  ['5\r\nhello\r\n0\r\nX : x\r\n\r\n', 'a trailer has a space before the colon'],
  ['5\r\nhello\r\n0\r\n folded\r\n\r\n', 'a trailer is a folded line'],
  ['5\r\nhello\r\n0\r\nX: x\n\r\n', 'a trailer ends in a bare LF'],
  ['5\r\nhello\r\n0\r\nX: \x00\r\n\r\n', 'a trailer has NUL'],
  ['5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n', 'a status line stands among the trailers'],
  ['5\r\nhello\r\n0\r\n\n', 'a bare LF ends the body'],
  [`5;${'a'.repeat(70_000)}\r\nhello\r\n0\r\n\r\n`, 'an extension is longer than any head may be'],
]

function ambiguous(): ResponseFlaw[] {
  return AMBIGUOUS.map(([lines, flaw]) => ({
    name: visible(lines.join(' | ')),
    flaw,
    text: ok(lines, `hello${EVIL}`),
    ends: true,
  }))
}

function chunks(): ResponseFlaw[] {
  return CHUNKS.map(([body, flaw]) => ({
    name: `chunks ${visible(body).slice(0, 40)}`,
    flaw,
    text: ok(['Transfer-Encoding: chunked'], `${body}${EVIL}`),
    ends: true,
    fate: 'cut',
  }))
}

const OTHERS: readonly ResponseFlaw[] = [
  {
    name: 'two equal lengths',
    flaw: 'there are two equal lengths',
    text: ok(['Content-Length: 5', 'Content-Length: 5'], 'hello'),
    fate: 'any',
  },
  {
    name: 'underscores',
    flaw: 'a name only resembles that of a framing field',
    text: ok(['Content-Length: 5', 'Transfer_Encoding: chunked'], 'hello'),
    fate: 'any',
  },
  {
    name: 'coding in HTTP/1.0',
    flaw: 'HTTP/1.0 has no transfer codings',
    text: response('HTTP/1.0 200 OK', ['Transfer-Encoding: chunked'], `5\r\nhello\r\n0\r\n\r\n${EVIL}`),
    ends: true,
  },
  {
    name: 'until the end',
    flaw: 'without any framing all that comes is the body, whatever it looks like',
    text: ok([], `hello${EVIL}`),
    ends: true,
    fate: 'passed',
  },
  {
    name: 'until the end, with keep-alive',
    flaw: 'the connection is to stay, and nothing says where the body ends',
    text: ok(['Connection: keep-alive'], `hello${EVIL}`),
    ends: true,
    fate: 'passed',
  },
  {
    name: 'length not reached',
    flaw: 'the body ends before its length',
    text: ok(['Content-Length: 50'], 'hello'),
    ends: true,
    fate: 'cut',
  },
  {
    name: 'chunks not ended',
    flaw: 'the last chunk is missing',
    text: ok(['Transfer-Encoding: chunked'], '5\r\nhello\r\n'),
    ends: true,
    fate: 'cut',
  },
  {
    name: 'Connection names the length',
    flaw: 'Connection names the length',
    text: ok(['Connection: Content-Length', 'Content-Length: 5'], 'hello'),
    fate: 'any',
  },
  {
    name: 'Connection names the coding',
    flaw: 'Connection names the coding',
    text: ok(['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    fate: 'any',
  },
]

/** Bodies of which nobody can say where they end (RFC 9112, 6.3). */
export function framings(): HostileResponse[] {
  return responseFamily('framing', [...ambiguous(), ...chunks(), ...OTHERS])
}
