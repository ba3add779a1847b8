import {
  chunked,
  family,
  get,
  type HostileRequest,
  message,
  post,
  REFUSED,
  SMUGGLED,
  visible,
} from './hostile-request.ts'

/** Lines that one reader takes for `Transfer-Encoding: chunked`, and another does not. */
const OBFUSCATED: readonly (readonly [line: string, flaw: string])[] = [
  ['Transfer-Encoding : chunked', 'a space stands before the colon'],
  ['Transfer-Encoding\t: chunked', 'a tab stands before the colon'],
  ['Transfer-Encoding\r\n : chunked', 'the colon is on a folded line'],
  ['Transfer-Encoding:\r\n chunked', 'the value is on a folded line'],
  ['Transfer-Encoding:\r\n\tchunked', 'the value is on a line folded by a tab'],
  ['Transfer-Encoding: chunked\r\n ', 'an empty folded line follows the value'],
  ['Transfer-Encoding: chun\r\n ked', 'the value is folded in its midst'],
  ['X: x\r\n Transfer-Encoding: chunked', 'the field is a folded line of another one'],
  ['X: x\r\n\tTransfer-Encoding: chunked', 'the field is a line of another one folded by a tab'],
  [' Transfer-Encoding: chunked', 'the line begins with a space'],
  ['X: x\nTransfer-Encoding: chunked', 'a bare LF stands before the field'],
  ['X: x\rTransfer-Encoding: chunked', 'a bare CR stands before the field'],
  ['X: x\r\rTransfer-Encoding: chunked', 'two bare CRs stand before the field'],
  ['X: x\n\rTransfer-Encoding: chunked', 'LF and CR stand in the wrong order'],
  ['Transfer-Encoding: chunked\nX: x', 'a bare LF ends the value'],
  ['Transfer-Encoding: chunked\rX: x', 'a bare CR stands after the value'],
  ['Transfer-Encoding: \x0bchunked', 'a vertical tab stands before the value'],
  ['Transfer-Encoding: chunked\x0b', 'a vertical tab stands after the value'],
  ['Transfer-Encoding: \x0cchunked', 'a form feed stands before the value'],
  ['Transfer-Encoding:\x00chunked', 'NUL stands before the value'],
  ['Transfer-Encoding: chunked\x00', 'NUL stands after the value'],
  ['Transfer-Encoding: chunked\x00, x', 'NUL cuts the value where strings end with it'],
  ['Transfer-Encoding\x00: chunked', 'NUL stands in the name'],
  ['\x00Transfer-Encoding: chunked', 'NUL stands before the name'],
  ['Transfer-Encoding: \xa0chunked', 'a no-break space of Latin-1 stands before the value'],
  ['Transfer-Encoding: chunked\x85', 'a NEL stands after the value'],
  ['Transfer-Encoding: \xe2\x80\x8bchunked', 'a zero-width space stands before the value'],
  ['Transfer-Encoding: \x7fchunked', 'DEL stands before the value'],
  ['Transfer-Encoding: chunked, identity', 'chunked is not the last coding'],
  ['Transfer-Encoding: identity, chunked', 'another coding is named, one that has been withdrawn'],
  ['Transfer-Encoding: gzip, chunked', 'the content is compressed as well'],
  ['Transfer-Encoding: chunked, chunked', 'chunked is named twice'],
  ['Transfer-Encoding: chunked, gzip', 'chunked is followed by a compression'],
  ['Transfer-Encoding: , chunked', 'the list begins with nothing'],
  ['Transfer-Encoding: chunked,', 'the list ends with nothing'],
  ['Transfer-Encoding: chunked, ,', 'the list has empty parts'],
  ['Transfer-Encoding: "chunked"', 'the value is quoted'],
  ["Transfer-Encoding: 'chunked'", 'the value is quoted as shells do'],
  ['Transfer-Encoding: chunked;q=1', 'the coding has a parameter'],
  ['Transfer-Encoding: chunked; a=b', 'the coding has a parameter after a space'],
  ['Transfer-Encoding: xchunked', 'the value only ends in chunked'],
  ['Transfer-Encoding: chunkedx', 'the value only begins with chunked'],
  ['Transfer-Encoding: x chunked', 'a word stands before chunked'],
  ['Transfer-Encoding: chunked x', 'a word stands after chunked'],
  ['Transfer-Encoding: chunk', 'the coding is not known'],
  ['Transfer-Encoding: identity', 'the only coding has been withdrawn'],
  ['Transfer-Encoding: cow', 'the only coding does not exist'],
  ['Transfer-Encoding:', 'no coding is named'],
  ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'the field comes twice'],
  ['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'a second field names another coding'],
  ['Transfer-Encoding: identity\r\nTransfer-Encoding: chunked', 'a first field names another coding'],
  [
    'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked',
    'a first field names a coding that does not exist',
  ],
  [
    'Transfer-Encoding: chunked\r\nTransfer-encoding: cow',
    'a second field, written otherwise, names another coding',
  ],
  ['Transfer-Encoding:\r\nTransfer-Encoding: chunked', 'a first field is empty'],
  ['Transfer_Encoding: chunked', 'gateways that make variables of names take an underscore for a hyphen'],
  ['Transfer Encoding: chunked', 'the name has a space in its midst'],
  ['Transfer-\r\nEncoding: chunked', 'the name has a line end in its midst'],
  ['Transfer-Encoding\xad: chunked', 'the name ends in a soft hyphen'],
  ['Transfer-Encod\xefng: chunked', 'the name has a letter that is not of ASCII'],
  ['"Transfer-Encoding": chunked', 'the name is quoted'],
  ['Transfer-Encoding = chunked', 'an equals sign stands for the colon'],
  ['Transfer-Encoding; chunked', 'a semicolon stands for the colon'],
  ['Transfer-Encoding chunked', 'there is no colon'],
  [':Transfer-Encoding: chunked', 'a colon stands before the name'],
  ['Transfer-Encoding:: chunked', 'there are two colons'],
  ['Transfer-Encoding: : chunked', 'the value begins with a colon'],
]

/** Ways to write `Transfer-Encoding: chunked` that are in order, or nearly so: white space and case mean nothing. */
const ODD: readonly (readonly [line: string, flaw: string])[] = [
  ['Transfer-Encoding: chunked', 'nothing is wrong'],
  ['transfer-encoding: chunked', 'the name is in lower case'],
  ['TRANSFER-ENCODING: CHUNKED', 'all is in upper case'],
  ['tRaNsFeR-eNcOdInG: cHuNkEd', 'cases are mixed'],
  ['Transfer-Encoding:chunked', 'no space stands before the value'],
  ['Transfer-Encoding:\tchunked', 'a tab stands before the value'],
  ['Transfer-Encoding: \t chunked \t ', 'white space stands all around the value'],
]

/** Names that only resemble it: they mean nothing. */
const UNRELATED = ['Transfer-Encoding-X', 'X-Transfer-Encoding', 'TransferEncoding', 'TE-Chunked']

/** CL.TE: who goes by the length sees one request, who goes by the coding two. */
function lengthThenCoding(line: string): string {
  const body = `0\r\n\r\n${SMUGGLED}`
  return post([`Content-Length: ${body.length}`, line], body)
}

/** TE.CL: who goes by the coding sees one request, who goes by the length two. */
function codingThenLength(line: string): string {
  const body = chunked(SMUGGLED)
  return post([line, `Content-Length: ${body.indexOf('\n') + 1}`], body)
}

/** TE.0: who does not see the coding sees no body, and what stands in it as requests. */
function codingAlone(line: string): string {
  return post([line], chunked(SMUGGLED))
}

const TRICKS = [
  { of: 'CL.TE', says: 'the length hides a second request, and', build: lengthThenCoding },
  { of: 'TE.CL', says: 'a chunk hides a second request, and', build: codingThenLength },
  { of: 'TE.0', says: 'without a length,', build: codingAlone },
]

function obfuscated(): HostileRequest[] {
  return TRICKS.flatMap(({ of, says, build }) =>
    family(
      `transfer coding ${of}`,
      OBFUSCATED.map(([line, flaw]) => ({ name: visible(line), flaw: `${says} ${flaw}`, text: build(line) })),
    ),
  )
}

function both(): HostileRequest[] {
  return TRICKS.slice(0, 2).flatMap(({ of, build }) =>
    family(
      `length and coding ${of}`,
      ODD.map(([line, flaw]) => ({
        name: visible(line),
        flaw: `there is a length beside the coding; of the latter, ${flaw}`,
        text: build(line),
      })),
    ),
  )
}

function odd(): HostileRequest[] {
  const fine = ODD.map(([line, flaw], index) => ({
    name: visible(line),
    flaw,
    text: post([line], chunked('hello') + SMUGGLED),
    out: index === 0 ? ([2, 2] as const) : ([0, 2] as const),
  }))
  const unrelated = UNRELATED.map((name) => ({
    name,
    flaw: 'the name only resembles that of a framing field',
    text: post([`${name}: chunked`, 'Content-Length: 5'], `hello${SMUGGLED}`),
    out: [2, 2] as const,
  }))
  return family('transfer coding', [...fine, ...unrelated])
}

function misplaced(): HostileRequest[] {
  return family('transfer coding', [
    {
      name: 'in HTTP/1.0',
      flaw: 'HTTP/1.0 has no transfer codings',
      text: message(
        'POST /first HTTP/1.0',
        ['Host: shop.example', 'Transfer-Encoding: chunked'],
        `0\r\n\r\n${SMUGGLED}`,
      ),
    },
    {
      name: 'in HTTP/1.0 with keep-alive and length',
      flaw: 'HTTP/1.0 has no transfer codings, and there is a length',
      text: message(
        'POST /first HTTP/1.0',
        ['Host: shop.example', 'Connection: keep-alive', 'Content-Length: 5', 'Transfer-Encoding: chunked'],
        `0\r\n\r\n${SMUGGLED}`,
      ),
    },
    {
      name: 'after a first empty line',
      flaw: 'the coding stands in what is the body already',
      text: `${get(['X: x'])}Transfer-Encoding: chunked\r\n\r\n${chunked(SMUGGLED)}`,
      out: [0, 1],
    },
    {
      name: 'within a value',
      flaw: 'the value of a field looks like a framing field',
      text: get(['X: Transfer-Encoding: chunked'], SMUGGLED),
      out: [2, 2],
    },
    {
      name: 'of a GET',
      flaw: 'a GET has a chunked body',
      text: get(['Transfer-Encoding: chunked'], chunked('x') + SMUGGLED),
      out: [0, 2],
    },
    {
      name: 'of a GET, CL.TE',
      flaw: 'a GET has both a length and a coding',
      text: get(['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
      out: REFUSED,
    },
  ])
}

/** Bodies that are framed, or seem to be, by `Transfer-Encoding` (RFC 9112, 6.1). */
export function transferCodings(): HostileRequest[] {
  return [...obfuscated(), ...both(), ...odd(), ...misplaced()]
}
