import { type Flaw, family, type HostileRequest, post, SMUGGLED, visible } from './hostile-request.ts'

const END = '0\r\n\r\n'
const HEX = SMUGGLED.length.toString(16)

/** Lines of a chunk of `hello`, that one reader takes for 5, and another for something else. */
const SIZE_LINES: readonly (readonly [line: string, flaw: string])[] = [
  ['0x5\r\n', 'the size has a prefix'],
  ['0X5\r\n', 'the size has a prefix in upper case'],
  ['+5\r\n', 'the size has a sign'],
  ['-5\r\n', 'the size is negative'],
  [' 5\r\n', 'a space stands before the size'],
  ['\t5\r\n', 'a tab stands before the size'],
  ['5 \r\n', 'a space follows the size'],
  ['5\t\r\n', 'a tab follows the size'],
  ['5 5\r\n', 'there are two sizes'],
  ['5,5\r\n', 'there is a list of sizes'],
  ['5h\r\n', 'the size is in decimals for assemblers'],
  ['5g\r\n', 'a letter follows that is no digit'],
  ['5_\r\n', 'an underscore follows the size'],
  ['5.0\r\n', 'the size has a fraction'],
  ['"5"\r\n', 'the size is quoted'],
  ['five\r\n', 'the size is a word'],
  ['\r\n', 'there is no size'],
  [';a\r\n', 'there is an extension without a size'],
  ['\x005\r\n', 'NUL stands before the size'],
  ['5\x00\r\n', 'NUL follows the size'],
  ['\x0b5\r\n', 'a vertical tab stands before the size'],
  ['5\x0b\r\n', 'a vertical tab follows the size'],
  ['\xef\xbc\x95\r\n', 'the digit is of full width (UTF-8)'],
  ['10000000000000005\r\n', 'the size is 5 where 64 bits overflow'],
  ['ffffffffffffffff\r\n', 'the size is -1 in 64 bits'],
  ['fffffffffffffffffffffffffffffffff\r\n', 'the size is more than any integer holds'],
  [`${'0'.repeat(5_000)}5\r\n`, 'there are thousands of leading zeros'],
  ['5\n', 'a bare LF ends the line'],
  ['5\r', 'a bare CR ends the line'],
  ['5\r\r\n', 'two CRs stand before the LF'],
  ['5\n\r\n', 'an LF stands before the end of the line'],
  ['5\r\n\r\n', 'an empty line follows'],
  ['5;\n\r\n', 'a bare LF stands in an extension'],
  ['5;a\nb\r\n', 'a bare LF stands in the midst of an extension'],
  ['5;a\rb\r\n', 'a bare CR stands in the midst of an extension'],
  ['5;a=b\n', 'a bare LF ends an extension'],
  ['5;a="\r\n', 'the line ends within a quoted extension'],
  ['5;a="\n"\r\n', 'a bare LF is quoted'],
  ['5;a="\r"\r\n', 'a bare CR is quoted'],
  ['5;a\x00b\r\n', 'NUL stands in an extension'],
  ['5;a\x7fb\r\n', 'DEL stands in an extension'],
  ['5;\x01\r\n', 'a control character stands in an extension'],
  [`5;${'a'.repeat(70_000)}\r\n`, 'an extension is longer than any head may be'],
  ['5\r\n ;a\r\n', 'the extension is on a folded line'],
]

/** Extensions that are in order, or may be taken so (RFC 9112, 7.1.1): nobody's sizes differ. */
const EXTENSIONS: readonly (readonly [line: string, flaw: string])[] = [
  ['5;a=b\r\n', 'there is an extension'],
  ['5;a\r\n', 'there is an extension without a value'],
  ['5;\r\n', 'the extension has no name'],
  ['5 ;a=b\r\n', 'a space stands before the extension'],
  ['5; a = b\r\n', 'spaces stand in the extension'],
  ['5;a="b;c"\r\n', 'the value of an extension is quoted'],
  ['5;a="\\"\r\n', 'the quoted value does not end'],
  ['5;a=b;c=d\r\n', 'there are two extensions'],
  ['5;a=\xe9\r\n', 'an extension is not of ASCII'],
  ['05\r\n', 'the size has a leading zero'],
  ['0000000005\r\n', 'the size has more digits than needed'],
]

/** Whole bodies in which something else than a size is wrong. */
const BODIES: readonly (readonly [name: string, body: string, flaw: string])[] = [
  ['no CRLF after the data', `5\r\nhello${END}`, 'the CRLF after the data is missing'],
  ['LF after the data', `5\r\nhello\n${END}`, 'a bare LF follows the data'],
  ['CR after the data', `5\r\nhello\r${END}`, 'a bare CR follows the data'],
  ['LF CR after the data', `5\r\nhello\n\r${END}`, 'LF and CR after the data stand in the wrong order'],
  ['two CRLFs after the data', `5\r\nhello\r\n\r\n${END}`, 'an empty line follows the data'],
  ['other bytes after the data', `5\r\nhelloXX${END}`, 'two other bytes stand where the CRLF should be'],
  ['data longer', `3\r\nhello\r\n${END}`, 'the data is longer than its size'],
  [
    'data shorter',
    `7\r\nhello\r\n${END}`,
    'the data is shorter than its size, so that its CRLF counts as data',
  ],
  ['data shorter by one', `6\r\nhello\r\n${END}`, 'the data is shorter than its size by one byte'],
  ['request as size', `5\r\nhello\r\n${SMUGGLED}`, 'a request stands where a size should be'],
  ['LF ends the last size', '5\r\nhello\r\n0\n\r\n', 'a bare LF ends the last size'],
  ['CR ends the last size', '5\r\nhello\r\n0\r\r\n', 'a bare CR ends the last size'],
  ['LF ends the body', '5\r\nhello\r\n0\r\n\n', 'a bare LF ends the body'],
  ['CR ends the body', '5\r\nhello\r\n0\r\n\r', 'a bare CR ends the body'],
  ['only LFs', '5\nhello\n0\n\n', 'all lines end in bare LFs'],
  ['only CRs', '5\rhello\r0\r\r', 'all lines end in bare CRs'],
  ['-0 as last size', '5\r\nhello\r\n-0\r\n\r\n', 'the last size is a negative nothing'],
  ['0x0 as last size', '5\r\nhello\r\n0x0\r\n\r\n', 'the last size has a prefix'],
  ['empty line as last size', '5\r\nhello\r\n\r\n\r\n', 'an empty line stands for the last chunk'],
  [
    'LF in an extension hides a chunk',
    `5;\n${'x'.repeat(5)}\r\n${HEX}\r\n${END}${SMUGGLED}`,
    'who takes the LF for an end sees other chunks',
  ],
  ['bare LF of size and data', `2\nxx\r\n${HEX}\r\n0\r\n\r\n`, 'who skips the LF sees other chunks'],
]

/** Trailers that must not change anything, and lines that are none. */
const TRAILERS: readonly (readonly [trailer: string, flaw: string])[] = [
  ['Content-Length: 5', 'a length'],
  ['Transfer-Encoding: chunked', 'a coding'],
  ['Host: elsewhere.example', 'a Host'],
  ['Trailer: X\r\nContent-Length: 0', 'a length behind another field'],
  ['X : x', 'a name with a space before the colon'],
  [' X: x', 'a line that begins with a space'],
  ['X: x\r\n folded', 'a folded line'],
  ['X: x\nY: y', 'a bare LF'],
  ['X: x\rY: y', 'a bare CR'],
  ['X: \x00', 'NUL'],
  ['X: \x01', 'a control character'],
  [': x', 'an empty name'],
  ['X', 'a line without a colon'],
  ['X\x00: x', 'NUL in a name'],
  ['GET /smuggled HTTP/1.1', 'a request line'],
  ['X\xe9: x', 'a name that is not of ASCII'],
]

const body = (chunks: string): string => post(['Transfer-Encoding: chunked'], `${chunks}${SMUGGLED}`)

function malformed(): Flaw[] {
  const sizes = SIZE_LINES.map(([line, flaw]) => ({
    name: `size ${visible(line).slice(0, 40)}`,
    flaw,
    text: body(`${line}hello\r\n${END}`),
  }))
  const last = SIZE_LINES.filter(([line]) => /[;\s]/.test(line.trim())).map(([line, flaw]) => ({
    name: `last size ${visible(line.replace('5', '0')).slice(0, 40)}`,
    flaw: `of the last chunk, ${flaw}`,
    text: body(`5\r\nhello\r\n${line.replace('5', '0')}\r\n`),
  }))
  const bodies = BODIES.map(([name, chunks, flaw]) => ({ name, flaw, text: body(chunks) }))
  const trailers = TRAILERS.map(([trailer, flaw]) => ({
    name: `trailer ${visible(trailer)}`,
    flaw: `the trailers have ${flaw}`,
    text: body(`5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`),
  }))
  return [...sizes, ...last, ...bodies, ...trailers].map((flaw) => ({ ...flaw, out: [0, 1] }))
}

function sound(): Flaw[] {
  const extensions = EXTENSIONS.map(([line, flaw]) => ({
    name: `extension ${visible(line)}`,
    flaw,
    text: body(`${line}hello\r\n${END}`),
    out: [0, 2] as const,
  }))
  return [
    ...extensions,
    {
      name: 'two chunks',
      flaw: 'nothing is wrong',
      text: body('5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'),
      out: [2, 2],
    },
    {
      name: 'size in upper case',
      flaw: 'nothing is wrong',
      text: body(`A\r\n0123456789\r\n${END}`),
      out: [2, 2],
    },
    {
      name: 'a harmless trailer',
      flaw: 'nothing is wrong',
      text: body('5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'),
      out: [2, 2],
    },
    {
      name: 'a request as data',
      flaw: 'the content looks like a request and its end',
      text: body(`${(SMUGGLED.length + 5).toString(16)}\r\n${END}${SMUGGLED}\r\n${END}`),
      out: [2, 2],
    },
    {
      name: 'no end',
      flaw: 'the last chunk is missing',
      text: post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n'),
      out: [0, 1],
      isCut: true,
    },
    {
      name: 'no end after the last size',
      flaw: 'the empty line after the last chunk is missing',
      text: post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n'),
      out: [0, 1],
      isCut: true,
    },
    {
      name: '100000005',
      flaw: 'the size is 5 where 32 bits overflow, and so the chunk does not end',
      text: body(`100000005\r\nhello\r\n${END}`),
      out: [0, 1],
      isCut: true,
    },
    {
      name: 'no end within a size',
      flaw: 'the connection ends within a size',
      text: post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n4'),
      out: [0, 1],
      isCut: true,
    },
  ]
}

/** Chunked bodies (RFC 9112, 7.1). After the flaw a request may have begun, and never ends well. */
export function chunks(): HostileRequest[] {
  return family('chunks', [...malformed(), ...sound()])
}
