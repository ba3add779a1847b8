import { isAuthority } from './authority.ts'
import { type BodyFraming, NO_BODY } from './body-framing.ts'
import { type ConnectionOptions, connectionOptions, isPersistent } from './connection-options.ts'
import { FieldLines, NO_EMPTY_LINE } from './field-lines.ts'
import { HEAD_TOO_LARGE, MAX_HEAD_BYTES, MAX_LEADING_LINES } from './head-end.ts'
import { badRequest, type HeadProblem, isProblem } from './head-problem.ts'
import { FIELD } from './known-fields.ts'
import { declaredFraming } from './length-and-coding.ts'
import { parseRequestLine, type RequestLine } from './request-line.ts'

/** Head of a request of HTTP/1.0 or HTTP/1.1 that can mean one thing only. */
export interface RequestHead {
  /** As it came, latin1, with the empty line at its end; empty lines before it are left out. */
  readonly text: string
  readonly method: string
  /** As it came. */
  readonly target: string
  /** The target in origin-form, with its query, or `*`. */
  readonly path: string
  /** Of a target in absolute-form; it counts then, instead of the field `Host` (RFC 9112, 3.2.2). */
  readonly authority: string | undefined
  readonly minor: 0 | 1
  /** `none`, `length` or `chunked`. */
  readonly framing: BodyFraming
  /** Whether the client may send another request on this connection (RFC 9112, 9.3). */
  readonly isKeepAlive: boolean
  /** The client waits for 100 (Continue) before it sends the body (RFC 9110, 10.1.1). */
  readonly expectsContinue: boolean
  /** Of a request that asks for it properly (RFC 9110, 7.8) and has no body: the value of `Upgrade`, in lower case. */
  readonly upgrade: string | undefined
  /** The rest is private to this folder: index after the request line, and what follows. */
  readonly lineEnd: number
  readonly fields: FieldLines
  readonly connection: ConnectionOptions
}

/** Without leading zeros, which some take for octal. As many digits as 2^53-1 has. */
const DIGITS = /^(?:0|[1-9][0-9]{0,15})$/

const LOOKALIKE = badRequest(
  'A field name has an underscore where Content-Length or Transfer-Encoding has a hyphen.',
)

/** What has field lines. */
export interface Head {
  readonly fields: FieldLines
}

/** First value of that field, without surrounding white space; @param name - in lower case */
export function fieldOf(head: Head, name: string): string | undefined {
  return head.fields.value(name)
}

/** All values of that field, line by line; @param name - in lower case */
export function allFieldsOf(head: Head, name: string): readonly string[] {
  return head.fields.values(name)
}

/** All lines, in their order: names as they came, values without white space around them. */
export function linesOf(head: Head): readonly (readonly [name: string, value: string])[] {
  return head.fields.all()
}

/**
 * Reads the head of a request strictly (RFC 9112, 3, 5 and 6): what two servers may read in two ways is refused.
 *
 * @param text - latin1, from the first byte of the message to the empty line that ends the head
 */
export function parseRequestHead(text: string): RequestHead | HeadProblem {
  if (text.length > MAX_HEAD_BYTES) return HEAD_TOO_LARGE
  const head = withoutLeadingLines(text)
  if (!head.endsWith('\r\n\r\n')) return NO_EMPTY_LINE
  const line = parseRequestLine(head)
  if (isProblem(line)) return line
  const fields = new FieldLines(head)
  return fields.scan(line.end) ?? requestHead(line, fields)
}

function withoutLeadingLines(text: string): string {
  let start = 0
  while (start < 2 * MAX_LEADING_LINES && text.startsWith('\r\n', start)) start += 2
  return start === 0 ? text : text.slice(start)
}

function requestHead(line: RequestLine, fields: FieldLines): RequestHead | HeadProblem {
  const { minor } = line
  const problem = problemOfHost(fields, minor) ?? problemOfExpect(fields)
  if (problem !== undefined) return problem
  if ((fields.seen & FIELD.framingLookalike) !== 0) return LOOKALIKE
  const framing = declaredFraming(fields, minor, DIGITS) ?? NO_BODY
  if (isProblem(framing)) return framing
  const connection = connectionOptions(fields)
  if (connection.fault !== undefined) return badRequest(connection.fault)
  const isBodiless = framing.kind === 'none'
  return {
    text: fields.text,
    method: line.method,
    target: line.target,
    path: line.path,
    authority: line.authority,
    minor,
    framing,
    isKeepAlive: isPersistent(connection, minor),
    expectsContinue: (fields.seen & FIELD.expect) !== 0 && minor === 1 && !isBodiless,
    upgrade: connection.upgrades && minor === 1 && isBodiless ? upgradeOf(fields) : undefined,
    lineEnd: line.end,
    fields,
    connection,
  }
}

function upgradeOf(fields: FieldLines): string | undefined {
  const value = fields.known(FIELD.upgrade)
  return value === undefined || value === '' ? undefined : value.toLowerCase()
}

/** RFC 9112, 3.2: exactly one, and of HTTP/1.0 at most one. */
function problemOfHost(fields: FieldLines, minor: 0 | 1): HeadProblem | undefined {
  if ((fields.repeated & FIELD.host) !== 0) return badRequest('Host is there more than once.')
  const host = fields.known(FIELD.host)
  if (host === undefined) return minor === 1 ? badRequest('Host is missing.') : undefined
  return isAuthority(host) ? undefined : badRequest('Host is malformed.')
}

function problemOfExpect(fields: FieldLines): HeadProblem | undefined {
  const value = fields.known(FIELD.expect)
  if (value === undefined || value.toLowerCase() === '100-continue') return undefined
  return { problem: 'Expect asks for something other than 100-continue.', status: 417 }
}
