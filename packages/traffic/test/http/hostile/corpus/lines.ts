import { type Flaw, family, get, type HostileRequest, message, SMUGGLED, visible } from './hostile-request.ts'

/** Lines of a head that are none, or two. */
const LINES: readonly (readonly [line: string, flaw: string])[] = [
  ['X: x\r\n folded', 'a line is folded by a space'],
  ['X: x\r\n\tfolded', 'a line is folded by a tab'],
  ['X: x\r\n ', 'a folded line is empty'],
  ['X:\r\n x', 'the value is on a folded line'],
  ['X: x\r\n y\r\n z', 'a line is folded twice'],
  ['X: x\r\n Y: y', 'a folded line looks like a field'],
  ['X: x\r\n\r\r\nY: y', 'a line of nothing but CR looks empty'],
  ['X: x\nY: y', 'a bare LF ends a line'],
  ['X: x\n\nY: y', 'two bare LFs look like the end of the head'],
  ['X: x\n\r\nY: y', 'an LF before CRLF looks like the end of the head'],
  ['X: x\r\n\nY: y', 'an LF after CRLF looks like the end of the head'],
  ['X: x\rY: y', 'a bare CR stands in a value'],
  ['X: x\r\rY: y', 'two bare CRs stand in a value'],
  ['X: x\r', 'a bare CR stands at the end of a value'],
  ['X: \rx', 'a bare CR stands at the beginning of a value'],
  ['X\r: x', 'a bare CR stands in a name'],
  ['\rX: x', 'a bare CR stands before a name'],
  ['X\n: x', 'a bare LF stands in a name'],
  ['\nX: x', 'a bare LF stands before a name'],
  [`X: x\n\n${SMUGGLED}`, 'two bare LFs and a request stand in the head'],
  [`X: x\r\r${SMUGGLED}`, 'two bare CRs and a request stand in the head'],
  [`X: x\n\r\n${SMUGGLED}`, 'LF, CRLF and a request stand in the head'],
  [`X: x\r\n\r${SMUGGLED}`, 'CRLF, CR and a request stand in the head'],
]

/** All controls but those that have families of their own: tab, LF, CR. */
const CONTROLS = [0, 1, 2, 4, 7, 8, 0x0b, 0x0c, 0x0e, 0x1a, 0x1b, 0x1c, 0x1f, 0x7f]

function bad(): Flaw[] {
  const lines = LINES.map(([line, flaw]) => ({
    name: visible(line).slice(0, 50),
    flaw,
    text: get([line], SMUGGLED),
  }))
  const controls = CONTROLS.map((code) => String.fromCharCode(code)).flatMap((control) => [
    {
      name: `${visible(control)} in a value`,
      flaw: 'a control character stands in a value',
      text: get([`X: a${control}b`], SMUGGLED),
    },
    {
      name: `${visible(control)} in a name`,
      flaw: 'a control character stands in a name',
      text: get([`X${control}Y: x`], SMUGGLED),
    },
  ])
  return [...lines, ...controls]
}

function ends(): Flaw[] {
  return [
    {
      name: 'only LFs',
      flaw: 'all lines end in bare LFs',
      text: get([], SMUGGLED).replaceAll('\r\n', '\n'),
    },
    {
      name: 'only CRs',
      flaw: 'all lines end in bare CRs',
      text: get([], SMUGGLED).replaceAll('\r\n', '\r'),
      isCut: true,
    },
    {
      name: 'LF after the request line',
      flaw: 'a bare LF ends the request line',
      text: message('GET /first HTTP/1.1\nHost: shop.example', [], SMUGGLED),
    },
    {
      name: 'CR after the request line',
      flaw: 'a bare CR ends the request line',
      text: message('GET /first HTTP/1.1\rHost: shop.example', [], SMUGGLED),
    },
    {
      name: 'CR CR LF after the request line',
      flaw: 'a CR too many ends the request line',
      text: message('GET /first HTTP/1.1\r', ['Host: shop.example'], SMUGGLED),
    },
    {
      name: 'LF CR after the request line',
      flaw: 'LF and CR stand in the wrong order',
      text: message('GET /first HTTP/1.1\n\rHost: shop.example', [], SMUGGLED),
    },
    {
      name: 'LF ends the head',
      flaw: 'the empty line is a bare LF',
      text: `GET /first HTTP/1.1\r\nHost: shop.example\r\n\n${SMUGGLED}`,
    },
    {
      name: 'CR ends the head',
      flaw: 'the empty line is a bare CR',
      text: `GET /first HTTP/1.1\r\nHost: shop.example\r\n\r${SMUGGLED}`,
    },
    {
      name: 'a space ends the head',
      flaw: 'the empty line has a space',
      text: `GET /first HTTP/1.1\r\nHost: shop.example\r\n \r\n${SMUGGLED}`,
    },
    {
      name: 'first field begins with a space',
      flaw: 'white space stands between the request line and the first field (RFC 9112, 2.2)',
      text: `GET /first HTTP/1.1\r\n Host: shop.example\r\n\r\n${SMUGGLED}`,
    },
    {
      name: 'first line begins with a tab and has a length',
      flaw: 'a length is folded to the request line',
      text: `GET /first HTTP/1.1\r\n\tContent-Length: ${SMUGGLED.length}\r\nHost: shop.example\r\n\r\n${SMUGGLED}`,
    },
    {
      name: 'no end',
      flaw: 'the connection ends within the head',
      text: 'GET /first HTTP/1.1\r\nHost: shop.example\r\nX: x',
      isCut: true,
    },
    {
      name: 'no end after a field',
      flaw: 'the empty line is missing',
      text: 'GET /first HTTP/1.1\r\nHost: shop.example\r\n',
      isCut: true,
    },
    {
      name: 'a request line alone',
      flaw: 'there is nothing after the request line',
      text: 'GET /first HTTP/1.1\r\n',
      isCut: true,
    },
    { name: 'a method alone', flaw: 'there is nothing after the method', text: 'GET ', isCut: true },
  ]
}

/** Empty lines in front of a request: one may be ignored (RFC 9112, 2.2). */
function leading(): Flaw[] {
  return [
    { name: 'CRLF first', flaw: 'an empty line comes first', text: `\r\n${get([], SMUGGLED)}`, out: [0, 2] },
    {
      name: 'two CRLFs first',
      flaw: 'two empty lines come first',
      text: `\r\n\r\n${get([], SMUGGLED)}`,
      out: [0, 2],
    },
    {
      name: 'many CRLFs first',
      flaw: 'hundreds of empty lines come first',
      text: `${'\r\n'.repeat(500)}${get([], SMUGGLED)}`,
    },
    {
      name: 'endless CRLFs',
      flaw: 'nothing but empty lines comes',
      text: '\r\n'.repeat(50_000),
      isCut: true,
    },
    { name: 'LF first', flaw: 'a bare LF comes first', text: `\n${get([], SMUGGLED)}`, isForeign: true },
    { name: 'CR first', flaw: 'a bare CR comes first', text: `\r${get([], SMUGGLED)}`, isForeign: true },
    { name: 'a space first', flaw: 'a space comes first', text: ` ${get([], SMUGGLED)}`, isForeign: true },
    { name: 'a tab first', flaw: 'a tab comes first', text: `\t${get([], SMUGGLED)}`, isForeign: true },
    { name: 'NUL first', flaw: 'NUL comes first', text: `\0${get([], SMUGGLED)}`, isForeign: true },
    {
      name: 'a mark first',
      flaw: 'the byte order mark of UTF-8 comes first',
      text: `\xef\xbb\xbf${get([], SMUGGLED)}`,
      isForeign: true,
    },
    {
      name: 'CRLFs between',
      flaw: 'an empty line stands between two requests',
      text: `${get([])}\r\n${SMUGGLED}`,
      out: [1, 2],
    },
    {
      name: 'LF between',
      flaw: 'a bare LF stands between two requests',
      text: `${get([])}\n${SMUGGLED}`,
      out: [1, 1],
    },
    {
      name: 'CR between',
      flaw: 'a bare CR stands between two requests',
      text: `${get([])}\r${SMUGGLED}`,
      out: [1, 1],
    },
    {
      name: 'a space between',
      flaw: 'a space stands between two requests',
      text: `${get([])} ${SMUGGLED}`,
      out: [1, 1],
    },
    {
      name: 'NUL between',
      flaw: 'NUL stands between two requests',
      text: `${get([])}\0${SMUGGLED}`,
      out: [1, 1],
    },
    {
      name: 'rubbish between',
      flaw: 'letters stand between two requests, and methods may have any name',
      text: `${get([])}xyz${SMUGGLED}`,
      out: [1, 2],
    },
  ]
}

/** Line ends, folded lines and characters that have no place in a head (RFC 9112, 2.2 and 5.2). */
export function lines(): HostileRequest[] {
  return family('lines', [...bad(), ...ends(), ...leading()])
}
