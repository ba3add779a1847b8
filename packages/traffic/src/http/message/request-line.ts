import { isAuthority } from './authority.ts'
import { CR, endOfTarget, endOfToken, hasCrlfAt, SPACE } from './char-classes.ts'
import { MAX_METHOD_BYTES, MAX_TARGET_BYTES, TARGET_TOO_LONG } from './head-end.ts'
import { badRequest, type HeadProblem } from './head-problem.ts'

/** RFC 9112, 3. */
export interface RequestLine {
  readonly method: string
  /** As it came. */
  readonly target: string
  /** In origin-form, or `*`. */
  readonly path: string
  /** Of a target in absolute-form; `undefined` for the others. */
  readonly authority: string | undefined
  readonly minor: 0 | 1
  /** Index after the line. */
  readonly end: number
}

const SLASH = 0x2f
const VERSION_BYTES = 8
const HTTP_VERSION = /^HTTP\/[0-9]\.[0-9]\r\n/
const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/i
/** So that the usual ones need no string of their own. */
const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']

/** @param text - of the head, without empty lines before it */
export function parseRequestLine(text: string): RequestLine | HeadProblem {
  const methodEnd = endOfToken(text, 0)
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== SPACE) return NO_METHOD
  if (methodEnd > MAX_METHOD_BYTES) return METHOD_TOO_LONG
  const targetEnd = endOfTarget(text, methodEnd + 1)
  if (targetEnd - methodEnd > MAX_TARGET_BYTES) return TARGET_TOO_LONG
  if (text.charCodeAt(targetEnd) !== SPACE) return problemOfTarget(text.charCodeAt(targetEnd))
  const minor = minorVersionAt(text, targetEnd + 1)
  if (minor === undefined) return problemOfVersion(text.slice(targetEnd + 1, targetEnd + 3 + VERSION_BYTES))
  const method = methodOf(text, methodEnd)
  if (method === 'CONNECT') return CONNECT
  const target = text.slice(methodEnd + 1, targetEnd)
  const end = targetEnd + 1 + VERSION_BYTES + 2
  if (target.charCodeAt(0) === SLASH)
    return { method, target, path: target, authority: undefined, minor, end }
  return otherForm({ method, target, path: target, authority: undefined, minor, end })
}

/** Asterisk-form and absolute-form (RFC 9112, 3.2.2 and 3.2.4). */
function otherForm(line: RequestLine): RequestLine | HeadProblem {
  const { method, target } = line
  if (target === '*' && method === 'OPTIONS') return line
  const [, authority, rest] = ABSOLUTE.exec(target) ?? []
  if (authority === undefined || rest === undefined) {
    return badRequest('The request target is neither a path nor an http or https URI.')
  }
  if (!isAuthority(authority)) return badRequest('The authority of the request target is malformed.')
  if (rest === '' && method === 'OPTIONS') return { ...line, authority, path: '*' }
  return { ...line, authority, path: rest.charCodeAt(0) === SLASH ? rest : `/${rest}` }
}

function methodOf(text: string, end: number): string {
  for (const method of METHODS) {
    if (method.length === end && text.startsWith(method)) return method
  }
  return text.slice(0, end)
}

function minorVersionAt(text: string, at: number): 0 | 1 | undefined {
  if (text.startsWith('HTTP/1.1\r\n', at)) return 1
  return text.startsWith('HTTP/1.0\r\n', at) ? 0 : undefined
}

const NO_METHOD = badRequest('The request line does not begin with a method and one space.')
const METHOD_TOO_LONG: HeadProblem = {
  problem: `The method has more than ${MAX_METHOD_BYTES} bytes.`,
  status: 501,
}
const CONNECT: HeadProblem = { problem: 'The method CONNECT is not served.', status: 405 }

function problemOfTarget(code: number): HeadProblem {
  if (code === CR) return badRequest('The request line has no version.')
  return badRequest('The request target has a character that targets must not have.')
}

/** @param rest - of the request line, as far as a version and a line end go */
function problemOfVersion(rest: string): HeadProblem {
  if (HTTP_VERSION.test(rest)) {
    return { problem: 'The version of the request is neither HTTP/1.1 nor HTTP/1.0.', status: 505 }
  }
  if (hasCrlfAt(rest, 0)) return badRequest('The request line has no version.')
  return badRequest('The request line is not method, target and version with one space between them.')
}
