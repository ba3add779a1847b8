import {
  type Flaw,
  family,
  get,
  type HostileRequest,
  message,
  post,
  REFUSED,
  SMUGGLED,
  visible,
} from './hostile-request.ts'

/** Values that one reader takes for 5, and another for something else, or for nothing. */
const MALFORMED: readonly (readonly [value: string, flaw: string])[] = [
  ['+5', 'the number has a sign'],
  ['-5', 'the number is negative'],
  ['-0', 'the number is a negative nothing'],
  ['0x5', 'the number is hexadecimal'],
  ['0b101', 'the number is binary'],
  ['5e0', 'the number has an exponent'],
  ['5.0', 'the number has a fraction'],
  ['5.', 'the number ends in a point'],
  ['5_0', 'the number has an underscore'],
  ['5 5', 'there are two numbers, with a space between them'],
  ['5 0', 'a nothing follows after a space'],
  ['5,5', 'it is a list of equal numbers'],
  ['5, 5', 'it is a list of equal numbers with a space'],
  ['5, 6', 'it is a list of different numbers'],
  ['6, 5', 'it is a list of different numbers, the longer first'],
  ['5,', 'a list ends with nothing'],
  [',5', 'a list begins with nothing'],
  ['5;6', 'there is a parameter'],
  ['5\x006', 'NUL cuts the number where strings end with it'],
  ['5\x0b', 'a vertical tab follows the number'],
  ['\x0b5', 'a vertical tab stands before the number'],
  ['\x0c5', 'a form feed stands before the number'],
  ['5\x00', 'NUL follows the number'],
  ['\xa05', 'a no-break space stands before the number'],
  ['5\xa0', 'a no-break space follows the number'],
  ['5x', 'a letter follows the number'],
  ['x5', 'a letter stands before the number'],
  ['"5"', 'the number is quoted'],
  ['', 'there is no number'],
  [' ', 'there are only spaces'],
  ['five', 'the number is a word'],
  ['\xd9\xa5', 'the digit is Arabic (UTF-8)'],
  ['\xef\xbc\x95', 'the digit is of full width (UTF-8)'],
  ['\xb2', 'the digit is a superscript (Latin-1)'],
  ['NaN', 'it is not a number'],
  ['Infinity', 'the number has no end'],
  ['9007199254740993', 'the number is more than doubles hold exactly'],
  ['18446744073709551621', 'the number is 5 where 64 bits overflow'],
  ['99999999999999999999999999999999', 'the number is more than any integer holds'],
  [`${'0'.repeat(400)}5`, 'there are hundreds of leading zeros'],
  ['5\r\n ', 'an empty folded line follows'],
  ['\r\n 5', 'the number is on a folded line'],
  ['5\r\n 5', 'a second number is on a folded line'],
  ['5\r', 'a bare CR follows the number'],
  ['5\rX: x', 'a bare CR hides another field'],
]

/** The names of lines that one reader takes for a length of 5. */
const NAMES: readonly (readonly [line: string, flaw: string])[] = [
  ['Content-Length : 5', 'a space stands before the colon'],
  ['Content-Length\t: 5', 'a tab stands before the colon'],
  [' Content-Length: 5', 'the line begins with a space'],
  ['Content-Length 5', 'there is no colon'],
  ['Content-Length= 5', 'an equals sign stands for the colon'],
  ['Content_Length: 5', 'gateways that make variables of names take an underscore for a hyphen'],
  ['Content Length: 5', 'the name has a space in its midst'],
  ['Content-Length\x00: 5', 'NUL stands in the name'],
  ['Content-Length\xad: 5', 'a soft hyphen ends the name'],
  ['X: x\nContent-Length: 5', 'a bare LF stands before the field'],
  ['X: x\rContent-Length: 5', 'a bare CR stands before the field'],
  ['X: x\r\n Content-Length: 5', 'the field is a folded line of another one'],
]

const REPEATED: readonly (readonly [values: readonly string[], flaw: string])[] = [
  [['5', '5'], 'two equal lengths'],
  [['5', '6'], 'two lengths, the shorter first'],
  [['6', '5'], 'two lengths, the longer first'],
  [['0', '5'], 'two lengths, of which the first is nothing'],
  [['5', '0'], 'two lengths, of which the second is nothing'],
  [['5', ''], 'a second length is empty'],
  [['', '5'], 'a first length is empty'],
  [['5', '05'], 'the same length is written in two ways'],
  [['5', '5', '5'], 'three equal lengths'],
  [['5', '+5'], 'a second length has a sign'],
  [['5', 'x'], 'a second length is a word'],
]

function malformed(): Flaw[] {
  const values = MALFORMED.map(([value, flaw]) => ({
    name: visible(value).slice(0, 40),
    flaw,
    text: post([`Content-Length: ${value}`], `hello${SMUGGLED}`),
  }))
  const names = NAMES.map(([line, flaw]) => ({
    name: visible(line),
    flaw,
    text: post([line], `hello${SMUGGLED}`),
  }))
  const repeated = REPEATED.map(([numbers, flaw]) => ({
    name: `${numbers.map((number) => `"${number}"`).join(' and ')}`,
    flaw: `there are ${flaw}`,
    text: post(
      numbers.map((number) => `Content-Length: ${number}`),
      `hello${SMUGGLED}`,
    ),
  }))
  return [...values, ...names, ...repeated]
}

const WELL_FORMED: readonly Flaw[] = [
  {
    name: '5',
    flaw: 'nothing is wrong',
    text: post(['Content-Length: 5'], `hello${SMUGGLED}`),
    out: [2, 2],
  },
  { name: '0', flaw: 'the body is empty', text: post(['Content-Length: 0'], SMUGGLED), out: [2, 2] },
  {
    name: 'none of a POST',
    flaw: 'a POST without a length has no body',
    text: post([], SMUGGLED),
    out: [2, 2],
  },
  {
    name: 'leading zeros',
    flaw: 'the number has leading zeros, which readers of octal take for something else',
    text: post(['Content-Length: 000012'], `hello world!${SMUGGLED}`),
    out: [0, 2],
  },
  {
    name: 'trailing white space',
    flaw: 'a tab and spaces follow the number, which is in order',
    text: post(['Content-Length: 5 \t '], `hello${SMUGGLED}`),
    out: [2, 2],
  },
  {
    name: 'leading white space',
    flaw: 'tabs stand before the number, which is in order',
    text: post(['Content-Length:\t\t5'], `hello${SMUGGLED}`),
    out: [2, 2],
  },
  {
    name: 'any case',
    flaw: 'the name is written in mixed case, which is in order',
    text: post(['cOnTeNt-LeNgTh:5'], `hello${SMUGGLED}`),
    out: [2, 2],
  },
]

const ODD: readonly Flaw[] = [
  {
    name: 'longer than the body',
    flaw: 'the body ends before its length',
    text: post(['Content-Length: 500'], `hello${SMUGGLED}`),
    out: [0, 1],
    isCut: true,
  },
  {
    name: '4294967301',
    flaw: 'the number is 5 where 32 bits overflow',
    text: post(['Content-Length: 4294967301'], `hello${SMUGGLED}`),
    out: [0, 1],
    isCut: true,
  },
  {
    name: 'body without end',
    flaw: 'the body is said to be of eight petabytes',
    text: post(['Content-Length: 9007199254740991'], `hello${SMUGGLED}`),
    out: [0, 1],
    isCut: true,
  },
  {
    name: 'shorter than the body',
    flaw: 'what follows the body is a request only because methods may have any name',
    text: post(['Content-Length: 3'], `hello${SMUGGLED}`),
    out: [1, 2],
  },
  {
    name: 'of a GET',
    flaw: 'a GET has a body that looks like a request',
    text: get([`Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    out: [1, 1],
  },
  {
    name: 'of a HEAD',
    flaw: 'a HEAD has a body that looks like a request',
    text: message(
      'HEAD /first HTTP/1.1',
      ['Host: shop.example', `Content-Length: ${SMUGGLED.length}`],
      SMUGGLED,
    ),
    out: [0, 1],
  },
  {
    name: 'of a DELETE',
    flaw: 'a DELETE has a body that looks like a request',
    text: message(
      'DELETE /first HTTP/1.1',
      ['Host: shop.example', `Content-Length: ${SMUGGLED.length}`],
      SMUGGLED,
    ),
    out: [1, 1],
  },
  {
    name: 'of an OPTIONS',
    flaw: 'an OPTIONS has a body that looks like a request',
    text: message(
      'OPTIONS /first HTTP/1.1',
      ['Host: shop.example', `Content-Length: ${SMUGGLED.length}`],
      SMUGGLED,
    ),
    out: [1, 1],
  },
  {
    name: 'of a TRACE',
    flaw: 'a TRACE must not have a body',
    text: message(
      'TRACE /first HTTP/1.1',
      ['Host: shop.example', `Content-Length: ${SMUGGLED.length}`],
      SMUGGLED,
    ),
    out: [0, 1],
  },
  {
    name: 'duplicate of a GET',
    flaw: 'a GET has two different lengths',
    text: get(['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    out: REFUSED,
  },
  {
    name: 'in HTTP/1.0',
    flaw: 'the connection of HTTP/1.0 ends with its response, whatever follows',
    text: message('POST /first HTTP/1.0', ['Host: shop.example', 'Content-Length: 5'], `hello${SMUGGLED}`),
    out: [1, 1],
  },
]

/** Bodies that are framed, or seem to be, by `Content-Length` (RFC 9112, 6.2 and 6.3). */
export function lengths(): HostileRequest[] {
  return family('content length', [...malformed(), ...WELL_FORMED, ...ODD])
}
