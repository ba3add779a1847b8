import {
  chunked,
  type Flaw,
  family,
  get,
  type HostileRequest,
  message,
  post,
  SMUGGLED,
  visible,
} from './hostile-request.ts'

/** What `Connection` may name, which a proxy then leaves out: never what frames or routes a message (RFC 9110, 7.6.1). */
const NAMED: readonly (readonly [value: string, flaw: string])[] = [
  ['Content-Length', 'the length'],
  ['keep-alive, Content-Length', 'the length, behind another word'],
  ['content-length', 'the length in lower case'],
  ['"Content-Length"', 'the length in quotes'],
  ['Content-Length;x', 'the length with a parameter'],
  [',,Content-Length,,', 'the length between empty words'],
  ['Content-Length\r\nConnection: keep-alive', 'the length in the first of two fields'],
  ['Host', 'Host'],
  ['close, Host', 'Host, behind another word'],
  ['Transfer-Encoding', 'the coding, which is not there'],
  ['Content-Type', 'the type of the content'],
  ['Cookie, Authorization', 'who the user is'],
  ['X-Forwarded-For', 'who called'],
  ['Forwarded', 'who called, by RFC 7239'],
  ['Expect', 'the expectation'],
  ['Trailer', 'the list of trailers'],
  ['TE', 'what the client accepts'],
  ['Connection', 'itself'],
  ['a b', 'two words without a comma'],
  ['*', 'all'],
  ['x'.repeat(5_000), 'a very long name'],
]

/** `Connection` and its friends; requests that are in order, unless said otherwise. */
const FIELDS: readonly (readonly [lines: readonly string[], flaw: string])[] = [
  [['Connection:'], 'Connection is empty'],
  [['Connection: close, keep-alive'], 'Connection says both'],
  [['Connection: keep-alive', 'Connection: close'], 'two fields of Connection contradict each other'],
  [['Connection: x'], 'Connection names a field that is not there'],
  [['Proxy-Connection: close'], 'Proxy-Connection, which nobody defined, says close'],
  [['Proxy-Connection: Content-Length'], 'Proxy-Connection names the length'],
  [['Keep-Alive: timeout=5, max=0'], 'Keep-Alive has limits'],
  [['Connection: TE', 'TE: trailers'], 'trailers are accepted'],
  [['Connection: TE', 'TE: chunked'], 'TE names chunked, which goes without saying'],
  [['TE: trailers, chunked;q=0.5'], 'TE has weights, and Connection does not name it'],
  [['TE: gzip'], 'TE names a compression'],
  [['Connection: Trailer', 'Trailer: Content-Length'], 'Trailer announces a length'],
  [['Proxy-Authorization: Basic eDp4'], 'there is a password for a proxy'],
  [['Connection: x-secret', 'X-Secret: 1'], 'Connection names a field of the user'],
]

/** RFC 9110, 10.1.1. */
const EXPECTATIONS: readonly (readonly [
  lines: readonly string[],
  flaw: string,
  out: readonly [number, number],
])[] = [
  [['Expect: 100-continue'], 'nothing is wrong', [2, 2]],
  [['expect:100-CONTINUE'], 'cases are mixed', [0, 2]],
  [['Expect: 100-continue', 'Expect: 100-continue'], 'the field comes twice', [0, 2]],
  [['Expect: 100-continue, x'], 'a second expectation is not known', [0, 2]],
  [['Expect: 200-ok'], 'the expectation is not known', [0, 0]],
  [['Expect: x=y;z'], 'the expectation has parameters', [0, 0]],
  [['Expect:'], 'the expectation is empty', [0, 2]],
  [['Expect: 100-continue\x0b'], 'a vertical tab follows', [0, 0]],
  [['Expect: 100-continued'], 'the expectation only begins like the known one', [0, 0]],
  [['Expect: y 100-continue'], 'the expectation only ends like the known one', [0, 0]],
]

function named(): Flaw[] {
  return NAMED.map(([value, flaw]) => ({
    name: `Connection: ${visible(value).slice(0, 40)}`,
    flaw: `Connection names ${flaw}, and a body looks like a request`,
    text: post([`Connection: ${value}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    out: [0, 1],
  }))
}

function chunkedAndNamed(): Flaw[] {
  return [
    {
      name: 'Connection: Transfer-Encoding, chunked',
      flaw: 'Connection names the coding, and a chunk looks like a request',
      text: post(['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], chunked(SMUGGLED)),
      out: [0, 1],
    },
    {
      name: 'Connection: close, Transfer-Encoding',
      flaw: 'Connection names the coding behind another word, and a chunk looks like a request',
      text: post(['Transfer-Encoding: chunked', 'Connection: close, transfer-encoding'], chunked(SMUGGLED)),
      out: [0, 1],
    },
    {
      name: 'Connection: Content-Length of a GET',
      flaw: 'Connection names the length of a GET, whose body looks like a request',
      text: get(['Connection: Content-Length', `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
      out: [0, 1],
    },
  ]
}

function fields(): Flaw[] {
  return FIELDS.map(([lines, flaw]) => ({
    name: lines.join(' | '),
    flaw,
    text: get(lines, SMUGGLED),
    out: [1, lines.some((line) => /close/.test(line) && line.startsWith('Connection')) ? 1 : 2],
  }))
}

function expectations(): Flaw[] {
  const single = EXPECTATIONS.map(([lines, flaw, out]) => ({
    name: visible(lines.join(' | ')),
    flaw: `of Expect, ${flaw}`,
    text: post([...lines, 'Content-Length: 5'], `hello${SMUGGLED}`),
    out,
  }))
  return [
    ...single,
    {
      name: 'Expect of a GET',
      flaw: 'a GET without a body expects to be told to send it',
      text: get(['Expect: 100-continue'], SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'Expect in HTTP/1.0',
      flaw: 'HTTP/1.0 has no expectations',
      text: message(
        'POST /first HTTP/1.0',
        ['Host: shop.example', 'Expect: 100-continue', 'Content-Length: 5'],
        'hello',
      ),
      out: [0, 1],
    },
    {
      name: 'Expect with CL.TE',
      flaw: 'an expectation comes with both a length and a coding',
      text: post(
        ['Expect: 100-continue', 'Content-Length: 5', 'Transfer-Encoding: chunked'],
        `0\r\n\r\n${SMUGGLED}`,
      ),
    },
    {
      name: 'Expect and no body',
      flaw: 'the body that is announced by an expectation never comes, but a request',
      text: post(['Expect: 100-continue', `Content-Length: ${SMUGGLED.length * 2}`], SMUGGLED),
      out: [0, 1],
      isCut: true,
    },
  ]
}

/** Fields that are between two neighbours only (RFC 9110, 7.6.1), and expectations. */
export function hopByHop(): HostileRequest[] {
  return family('hop by hop', [...named(), ...chunkedAndNamed(), ...fields(), ...expectations()])
}
