import {
  CONTINUE,
  EVIL,
  HELLO,
  type HostileResponse,
  ok,
  type ResponseFlaw,
  response,
  responseFamily,
} from './hostile-response.ts'

/** What stands behind the end of a response: nobody asked for it, so nobody may get it. */
const AFTER: readonly ResponseFlaw[] = [
  { name: 'a length', flaw: 'another response follows the body', text: HELLO + EVIL },
  {
    name: 'no content',
    flaw: 'another response follows an empty body',
    text: ok(['Content-Length: 0'], EVIL),
  },
  {
    name: 'chunks',
    flaw: 'another response follows the last chunk',
    text: ok(['Transfer-Encoding: chunked'], `5\r\nhello\r\n0\r\n\r\n${EVIL}`),
  },
  {
    name: 'a trailer',
    flaw: 'another response follows a trailer',
    text: ok(['Transfer-Encoding: chunked'], `0\r\nX: x\r\n\r\n${EVIL}`),
  },
  { name: 'rubbish', flaw: 'other bytes follow the body', text: `${HELLO}EVIL` },
  { name: 'CRLF', flaw: 'an empty line follows the body', text: `${HELLO}\r\n` },
  { name: 'a hundred responses', flaw: 'a hundred responses follow', text: HELLO + EVIL.repeat(100) },
  {
    name: '100 after the response',
    flaw: 'an interim response follows the final one',
    text: HELLO + CONTINUE,
  },
  {
    name: 'as the content',
    flaw: 'the content is a response, which is in order',
    text: ok([`Content-Length: ${EVIL.length}`], EVIL),
  },
  {
    name: 'as the content after 100',
    flaw: 'an interim response comes before content that is a response',
    text: CONTINUE + ok([`Content-Length: ${EVIL.length}`], EVIL),
  },
  {
    name: 'as a chunk',
    flaw: 'a chunk is a response, which is in order',
    text: ok(['Transfer-Encoding: chunked'], `${EVIL.length.toString(16)}\r\n${EVIL}\r\n0\r\n\r\n`),
  },
  {
    name: 'a byte, and more with the next request',
    flaw: 'a byte follows the body, and another response once the connection is used again',
    text: `${HELLO}E`,
    owed: EVIL,
  },
  {
    name: 'a part, and the rest with the next request',
    flaw: 'a part of another response follows the body, and the rest once the connection is used again',
    text: HELLO + EVIL.slice(0, 20),
    owed: EVIL.slice(20),
  },
  {
    name: 'a beginning',
    flaw: 'the beginning of another response follows',
    text: `${HELLO}HTTP/1.1 200 OK\r\nContent-Le`,
  },
  {
    name: '204 with bytes',
    flaw: 'bytes follow a response that has no body',
    text: response('HTTP/1.1 204 No Content', [], EVIL),
  },
  {
    name: '304 with bytes',
    flaw: 'bytes follow a response that has no body',
    text: response('HTTP/1.1 304 Not Modified', [], EVIL),
  },
  {
    name: '304 with a length and a body',
    flaw: 'a response that has no body says its length, and has one',
    text: response('HTTP/1.1 304 Not Modified', [`Content-Length: ${EVIL.length}`], EVIL),
  },
  {
    name: 'HEAD with a body',
    flaw: 'the response to HEAD has a body',
    method: 'HEAD' as const,
    text: ok([`Content-Length: ${EVIL.length}`], EVIL),
  },
  {
    name: 'HEAD with chunks',
    flaw: 'the response to HEAD has a chunked body',
    method: 'HEAD' as const,
    text: ok(['Transfer-Encoding: chunked'], `4\r\nEVIL\r\n0\r\n\r\n${EVIL}`),
  },
  {
    name: 'HEAD without framing',
    flaw: 'bytes follow the response to HEAD',
    method: 'HEAD' as const,
    text: ok([], EVIL),
  },
].map((flaw) => ({ ...flaw, fate: 'passed' as const }))

const WITHOUT_BODY: readonly ResponseFlaw[] = [
  {
    name: '204 with a length',
    flaw: 'a 204 must not have a length (RFC 9110, 8.6)',
    text: response('HTTP/1.1 204 No Content', [`Content-Length: ${EVIL.length}`], EVIL),
    fate: 'any',
  },
  {
    name: '204 with a coding',
    flaw: 'a 204 must not have a coding (RFC 9112, 6.1)',
    text: response(
      'HTTP/1.1 204 No Content',
      ['Transfer-Encoding: chunked'],
      `4\r\nEVIL\r\n0\r\n\r\n${EVIL}`,
    ),
    fate: 'any',
  },
  {
    name: '205 with a body',
    flaw: 'a 205 has no content (RFC 9110, 15.3.6), though it may be framed',
    text: response('HTTP/1.1 205 Reset Content', ['Content-Length: 5'], `hello${EVIL}`),
    fate: 'any',
  },
  {
    name: 'HEAD with a length',
    flaw: 'nothing is wrong',
    method: 'HEAD',
    text: ok(['Content-Length: 5'], ''),
    fate: 'passed',
  },
  {
    name: '304 with a length',
    flaw: 'nothing is wrong',
    text: response('HTTP/1.1 304 Not Modified', ['Content-Length: 5'], ''),
    fate: 'passed',
  },
]

/** Interim responses (RFC 9110, 15.2), which must not be taken for the end of an exchange. */
const INTERIM: readonly ResponseFlaw[] = [
  { name: '100', flaw: 'nobody asked for a 100', text: CONTINUE + HELLO, fate: 'passed' },
  {
    name: '103',
    flaw: 'hints come early, which is in order',
    text: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${HELLO}`,
    fate: 'passed',
  },
  { name: '20 of 100', flaw: 'a few interim responses come', text: CONTINUE.repeat(20) + HELLO, fate: 'any' },
  {
    name: '5,000 of 100',
    flaw: 'a flood of interim responses comes',
    text: CONTINUE.repeat(5_000) + HELLO,
    fate: 'any',
  },
  {
    name: '199',
    flaw: 'an interim response is not known',
    text: `HTTP/1.1 199 What\r\n\r\n${HELLO}`,
    fate: 'any',
  },
  {
    name: 'a length',
    flaw: 'an interim response has a length',
    text: `HTTP/1.1 103 Early Hints\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`,
    fate: 'any',
  },
  {
    name: 'a coding',
    flaw: 'an interim response has a coding',
    text: `HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}`,
    fate: 'any',
  },
  {
    name: 'HTTP/1.0',
    flaw: 'HTTP/1.0 has no interim responses',
    text: `HTTP/1.0 100 Continue\r\n\r\n${HELLO}`,
    fate: 'any',
  },
  {
    name: 'nothing more',
    flaw: 'nothing follows an interim response',
    text: CONTINUE,
    ends: true,
    fate: 'any',
  },
  {
    name: '101 unasked',
    flaw: 'the endpoint switches to what nobody asked for',
    text: `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n${EVIL}`,
    ends: true,
  },
  {
    name: '101 without Upgrade',
    flaw: 'the endpoint switches to nothing',
    text: `HTTP/1.1 101 Switching Protocols\r\n\r\n${EVIL}`,
    ends: true,
  },
  {
    name: '101 and 200',
    flaw: 'a response follows a switch that nobody asked for',
    text: `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n${HELLO}${EVIL}`,
    ends: true,
  },
]

/** What comes while nobody has a request on that connection. */
const LATER: readonly ResponseFlaw[] = [
  { name: 'a response', flaw: 'a response comes while the connection is idle', text: HELLO, later: EVIL },
  { name: 'a byte', flaw: 'a byte comes while the connection is idle', text: HELLO, later: 'E' },
  { name: 'CRLF', flaw: 'an empty line comes while the connection is idle', text: HELLO, later: '\r\n' },
  {
    name: '408',
    flaw: 'the endpoint complains that no request comes, which is usual',
    text: HELLO,
    later: 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  },
  {
    name: '100',
    flaw: 'an interim response comes while the connection is idle',
    text: HELLO,
    later: CONTINUE,
  },
  {
    name: 'after chunks',
    flaw: 'a response comes after a chunked one',
    text: ok(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    later: EVIL,
  },
  {
    name: 'after a 204',
    flaw: 'a response comes after one without a body',
    text: response('HTTP/1.1 204 No Content', [], ''),
    later: EVIL,
  },
].map((flaw) => ({ ...flaw, fate: 'passed' as const }))

/** Bytes that nobody asked for. */
export function extraBytes(): HostileResponse[] {
  return [
    ...responseFamily('bytes after', AFTER),
    ...responseFamily('without a body', WITHOUT_BODY),
    ...responseFamily('interim', INTERIM),
    ...responseFamily('while idle', LATER),
  ]
}
