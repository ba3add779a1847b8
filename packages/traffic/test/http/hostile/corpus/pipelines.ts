import {
  chunked,
  type Flaw,
  family,
  get,
  type HostileRequest,
  message,
  post,
  SMUGGLED,
} from './hostile-request.ts'

const HOST = 'Host: shop.example'

/** A request that is whole, split at every byte, goes through as if it had come at once. */
function atEveryByte(text: string): string[] {
  return [...text]
}

/** Two pieces that break the text where an index says. */
function inTwo(text: string, at: number): string[] {
  return [text.slice(0, at), text.slice(at)]
}

const PAIRS: readonly Flaw[] = [
  { name: 'two', flaw: 'nothing is wrong', text: get([], SMUGGLED), out: [2, 2] },
  { name: 'ten', flaw: 'nothing is wrong', text: get([]).repeat(9) + SMUGGLED, out: [10, 10] },
  {
    name: 'bodies between',
    flaw: 'nothing is wrong',
    text:
      post(['Content-Length: 5'], 'hello') + post(['Transfer-Encoding: chunked'], chunked('x')) + SMUGGLED,
    out: [3, 3],
  },
  {
    name: 'HEAD and GET',
    flaw: 'the response to the first has a length and no body',
    text: message('HEAD /first HTTP/1.1', [HOST], SMUGGLED),
    out: [2, 2],
  },
  {
    name: 'after close',
    flaw: 'a request follows one that says it is the last',
    text: get(['Connection: close'], SMUGGLED),
    out: [1, 1],
  },
  {
    name: 'after HTTP/1.0',
    flaw: 'a request follows one of HTTP/1.0, which is the last',
    text: message('GET /first HTTP/1.0', [HOST], SMUGGLED),
    out: [1, 1],
  },
  {
    name: 'after HTTP/1.0 that is kept alive',
    flaw: 'a request of HTTP/1.1 follows one of HTTP/1.0, which asks for more',
    text: message('GET /first HTTP/1.0', [HOST, 'Connection: keep-alive'], SMUGGLED),
    out: [1, 2],
  },
  {
    name: 'good and ambiguous',
    flaw: 'the second of three has both a length and a coding',
    text: get([]) + post(['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
    out: [1, 1],
  },
  {
    name: 'good and malformed',
    flaw: 'the second of three has a bare LF',
    text: get([]) + get(['X: x\nY: y'], SMUGGLED),
    out: [1, 1],
  },
  {
    name: 'good and without Host',
    flaw: 'the second of three has no Host',
    text: get([]) + message('GET /first HTTP/1.1', [], SMUGGLED),
    out: [1, 1],
  },
  {
    name: 'good and refused',
    flaw: 'the second of three asks for a tunnel',
    text: get([]) + message('CONNECT shop.example:80 HTTP/1.1', [HOST], SMUGGLED),
    out: [1, 1],
  },
  {
    name: 'good and cut',
    flaw: 'the second request does not end',
    text: `${get([])}GET /second HTTP/1.1\r\nHo`,
    out: [1, 1],
    isCut: true,
  },
  {
    name: 'good and preface',
    flaw: 'the preface of HTTP/2 follows a request of HTTP/1.1',
    text: `${get([])}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    out: [1, 1],
  },
  {
    name: 'good and response',
    flaw: 'a response follows a request',
    text: `${get([])}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`,
    out: [1, 1],
  },
  {
    name: 'bad body and request',
    flaw: 'the chunked body of the first is malformed at its end',
    text: post(['Transfer-Encoding: chunked'], `5\r\nhello\r\n0\r\nX\r\n\r\n${SMUGGLED}`),
    out: [0, 1],
    isCut: true,
  },
]

function splits(): Flaw[] {
  const fine = get(['X: x'])
  const length = post(['Content-Length: 5'], 'hello')
  const coding = post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n')
  const ambiguous = post(['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`)
  const folded = get(['X: x\r\n folded'])
  const bareLf = get(['X: x\nY: y'])
  const head = fine.indexOf('\r\n\r\n')
  return [
    { name: 'a GET', flaw: 'it comes byte by byte', text: fine, out: [1, 1] },
    { name: 'a length', flaw: 'it comes byte by byte', text: length, out: [1, 1] },
    { name: 'chunks', flaw: 'they come byte by byte', text: coding, out: [1, 1] },
    { name: 'two requests', flaw: 'they come byte by byte', text: fine + SMUGGLED, out: [2, 2] },
    { name: 'CL.TE', flaw: 'it comes byte by byte', text: ambiguous },
    { name: 'a folded line', flaw: 'it comes byte by byte', text: folded },
    { name: 'a bare LF', flaw: 'it comes byte by byte', text: bareLf },
  ]
    .map((flaw) => ({ ...flaw, name: `${flaw.name}, byte by byte`, pieces: atEveryByte(flaw.text) }) as Flaw)
    .concat(
      [1, 2, 3, 4].map((bytes) => ({
        name: `GET in two, within its end ${bytes}`,
        flaw: 'the head is split within the CRLFs that end it',
        text: fine,
        pieces: inTwo(fine, head + bytes),
        out: [1, 1],
      })),
      [1, 4, 5, 6, 7].map((bytes) => ({
        name: `chunks in two, at ${bytes}`,
        flaw: 'the body is split within its first chunk',
        text: coding,
        pieces: inTwo(coding, coding.indexOf('5\r\nhello') + bytes),
        out: [1, 1],
      })),
      {
        name: 'a folded line in two',
        flaw: 'the head is split between CRLF and the space of a folded line',
        text: folded,
        pieces: inTwo(folded, folded.indexOf(' folded')),
      },
      {
        name: 'CR and LF in two, then NUL',
        flaw: 'the head is split within a CRLF, and NUL follows',
        text: get(['X: x', '\0Y: y']),
        pieces: inTwo(get(['X: x', '\0Y: y']), get(['X: x']).indexOf('X: x') + 5),
      },
      {
        name: 'the next request in the packet of a body',
        flaw: 'the end of a body and the next request come in one piece',
        text: length + SMUGGLED,
        pieces: inTwo(length + SMUGGLED, length.length - 2),
        out: [2, 2],
      },
    )
}

/** Several requests on one connection, and requests that come in pieces. */
export function pipelines(): HostileRequest[] {
  return [...family('pipeline', PAIRS), ...family('split', splits())]
}
