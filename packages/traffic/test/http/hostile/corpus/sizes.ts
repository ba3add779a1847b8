import { type Flaw, family, get, type HostileRequest, message, SMUGGLED } from './hostile-request.ts'

const KIB = 1_024
const HOST = 'Host: shop.example'

const fieldsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `X-${index}: x`)

const TOO_LARGE: readonly Flaw[] = [
  {
    name: 'a target of 40 KiB',
    flaw: 'the target is longer than any may be',
    text: message(`GET /${'a'.repeat(40 * KIB)} HTTP/1.1`, [HOST], SMUGGLED),
  },
  {
    name: 'a target of 100 KiB',
    flaw: 'the target is longer than any head may be',
    text: message(`GET /${'a'.repeat(100 * KIB)} HTTP/1.1`, [HOST], SMUGGLED),
  },
  {
    name: 'a target without end',
    flaw: 'the request line does not end',
    text: `GET /${'a'.repeat(200 * KIB)}`,
    isCut: true,
  },
  {
    name: 'a value of 70 KiB',
    flaw: 'a value is longer than any head may be',
    text: get([`X: ${'a'.repeat(70 * KIB)}`], SMUGGLED),
  },
  {
    name: 'a value without end',
    flaw: 'the head does not end',
    text: `GET /first HTTP/1.1\r\n${HOST}\r\nX: ${'a'.repeat(200 * KIB)}`,
    isCut: true,
  },
  {
    name: 'a name of 70 KiB',
    flaw: 'a name is longer than any head may be',
    text: get([`${'X'.repeat(70 * KIB)}: x`], SMUGGLED),
  },
  {
    name: '201 fields',
    flaw: 'there are more fields than any head may have',
    text: get(fieldsOf(201), SMUGGLED),
  },
  {
    name: '5,000 fields',
    flaw: 'there are very many fields',
    text: get(fieldsOf(5_000), SMUGGLED),
  },
  {
    name: '30,000 empty fields',
    flaw: 'there are very many fields without a value',
    text: get(
      Array.from({ length: 30_000 }, () => 'X:'),
      SMUGGLED,
    ),
  },
  {
    name: 'a method of 9 KiB',
    flaw: 'the method does not end',
    text: `${'A'.repeat(9 * KIB)} /first HTTP/1.1\r\n${HOST}\r\n\r\n${SMUGGLED}`,
    isForeign: true,
  },
  {
    name: 'a length behind 64 KiB',
    flaw: 'a head that is too large has a length at its end, which who cuts it does not see',
    text: get([`X: ${'a'.repeat(64 * KIB)}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
  },
  {
    name: 'a second head too large',
    flaw: 'the head of a second request is too large',
    text: get([]) + get([`X: ${'a'.repeat(70 * KIB)}`], SMUGGLED),
    out: [1, 1],
  },
  {
    name: 'trailers of 70 KiB',
    flaw: 'the trailers are longer than any head may be',
    text: message(
      'POST /first HTTP/1.1',
      [HOST, 'Transfer-Encoding: chunked'],
      `0\r\nX: ${'a'.repeat(70 * KIB)}\r\n\r\n${SMUGGLED}`,
    ),
    out: [0, 1],
    isCut: true,
  },
  {
    name: '5,000 trailers',
    flaw: 'there are very many trailers',
    text: message(
      'POST /first HTTP/1.1',
      [HOST, 'Transfer-Encoding: chunked'],
      `0\r\n${fieldsOf(5_000).join('\r\n')}\r\n\r\n${SMUGGLED}`,
    ),
    // As long as a head may be, they do no harm.
    out: [0, 2],
    isCut: true,
  },
]

const LARGE: readonly Flaw[] = [
  {
    name: 'a target of 7 KiB',
    flaw: 'the target is long, and in order',
    text: message(`GET /${'a'.repeat(7 * KIB)} HTTP/1.1`, [HOST], SMUGGLED),
    out: [2, 2],
  },
  {
    name: 'a value of 7 KiB',
    flaw: 'a value is long, and in order',
    text: get([`X: ${'a'.repeat(7 * KIB)}`], SMUGGLED),
    out: [2, 2],
  },
  {
    name: '90 fields',
    flaw: 'there are many fields, which is in order',
    text: get(fieldsOf(90), SMUGGLED),
    out: [2, 2],
  },
  {
    name: 'a body of 200 KiB',
    flaw: 'the body is full of requests, which is in order',
    text: message(
      'POST /first HTTP/1.1',
      [HOST, `Content-Length: ${SMUGGLED.length * 2_500}`],
      SMUGGLED.repeat(2_500) + SMUGGLED,
    ),
    out: [2, 2],
  },
  {
    name: '3,000 chunks of a byte',
    flaw: 'the body is of chunks of one byte, which is in order',
    text: message(
      'POST /first HTTP/1.1',
      [HOST, 'Transfer-Encoding: chunked'],
      `${'1\r\nx\r\n'.repeat(3_000)}0\r\n\r\n${SMUGGLED}`,
    ),
    out: [2, 2],
  },
]

/** Heads that are too large, and such that only seem so (RFC 9110, 5.4 and 15.5.15). */
export function sizes(): HostileRequest[] {
  return family('sizes', [...TOO_LARGE, ...LARGE])
}
