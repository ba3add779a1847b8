import { type Flaw, family, get, type HostileRequest, SMUGGLED, visible } from './hostile-request.ts'

const BODY_LENGTH = `Content-Length: ${SMUGGLED.length}`

/** Lines that are no field (RFC 9110, 5.1 and 5.6.2), most with a length that hides the second request if they are ignored. */
const NO_FIELDS: readonly (readonly [line: string, flaw: string])[] = [
  ['X : x', 'a space stands before the colon'],
  ['X\t: x', 'a tab stands before the colon'],
  [': x', 'the name is empty'],
  [':', 'name and value are empty'],
  [' : x', 'the name is a space'],
  ['X', 'there is no colon'],
  ['X Y: x', 'a space stands in the name'],
  ['X(Y): x', 'the name has parentheses'],
  ['X,Y: x', 'the name has a comma'],
  ['X/Y: x', 'the name has a slash'],
  ['X;Y: x', 'the name has a semicolon'],
  ['X=Y: x', 'the name has an equals sign'],
  ['X@Y: x', 'the name has an at sign'],
  ['X[Y]: x', 'the name has brackets'],
  ['X{Y}: x', 'the name has braces'],
  ['X\\Y: x', 'the name has a backslash'],
  ['X"Y": x', 'the name has quotes'],
  ['X<Y>: x', 'the name has angle brackets'],
  ['X?Y: x', 'the name has a question mark'],
  ['X\xe9: x', 'the name has a letter of Latin-1'],
  ['X\xff: x', 'the name has the last byte there is'],
  ['\xef\xbb\xbfX: x', 'the name begins with a byte order mark'],
  ['GET /smuggled HTTP/1.1', 'a request line stands among the fields'],
  ['HTTP/1.1 200 OK', 'a status line stands among the fields'],
  [`\x00${BODY_LENGTH}`, 'NUL stands before a length'],
  [`\x0b${BODY_LENGTH}`, 'a vertical tab stands before a length'],
  [`\xa0${BODY_LENGTH}`, 'a no-break space stands before a length'],
  [`X:x,${BODY_LENGTH}\r`, 'a bare CR ends a line'],
]

/** Fields that look odd and are in order. */
const FINE: readonly (readonly [line: string, flaw: string])[] = [
  ['X:', 'a value is empty'],
  ['X:x', 'no space follows the colon'],
  ['X: \t x \t', 'white space surrounds the value'],
  ['X: a:b:c', 'colons stand in the value'],
  ['X: "a\\"b"', 'quotes stand in the value'],
  ['X: \xe9\xff', 'the value has bytes that are not of ASCII'],
  ["!#$%&'*+-.^`|~09: x", 'the name has every sign that a token may have'],
  ['X: GET /smuggled HTTP/1.1', 'the value looks like a request line'],
  ['X: %0d%0aContent-Length: 5', 'the value has an encoded line end'],
  ['X: \\r\\nContent-Length: 5', 'the value has a spelled-out line end'],
  ['Constructor: x\r\n__proto__: y', 'the names are those of properties in JavaScript'],
  ['Cookie: a=b\r\nCookie: c=d', 'a field comes twice, which is in order'],
  ['X-Content-Length: 500', 'the name only ends in that of a framing field'],
  ['Content-Length-X: 500', 'the name only begins with that of a framing field'],
  ['X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2', 'the client says twice who called before'],
  ['Via: 1.1 proxy\r\nMax-Forwards: 0', 'the client says what proxies say'],
]

function flawed(): Flaw[] {
  return NO_FIELDS.map(([line, flaw]) => ({
    name: visible(line).slice(0, 50),
    flaw,
    text: get([line], SMUGGLED),
  }))
}

function first(): Flaw[] {
  return NO_FIELDS.slice(0, 6).map(([line, flaw]) => ({
    name: `${visible(line)} as first line`,
    flaw: `of the first line, ${flaw}`,
    text: `GET /first HTTP/1.1\r\n${line}\r\nHost: shop.example\r\n\r\n${SMUGGLED}`,
  }))
}

function fine(): Flaw[] {
  return FINE.map(([line, flaw]) => ({
    name: visible(line),
    flaw,
    text: get([line], SMUGGLED),
    out: [2, 2],
  }))
}

/** Names and values of fields. */
export function fields(): HostileRequest[] {
  return family('fields', [...flawed(), ...first(), ...fine()])
}
