import { type BodyFraming, NO_BODY, UNTIL_CLOSE } from './body-framing.ts'
import { CR, endOfValue, hasCrlfAt, SPACE } from './char-classes.ts'
import { type ConnectionOptions, connectionOptions, isPersistent } from './connection-options.ts'
import { FieldLines, NO_EMPTY_LINE } from './field-lines.ts'
import { MAX_HEAD_BYTES } from './head-end.ts'
import { badResponse, type HeadProblem, isProblem } from './head-problem.ts'
import { FIELD } from './known-fields.ts'
import { declaredFraming } from './length-and-coding.ts'

/** Head of an endpoint's response. */
export interface ResponseHead {
  /** As it came, latin1, with the empty line at its end. */
  readonly text: string
  /** 100 to 999. */
  readonly status: number
  readonly reason: string
  readonly minor: 0 | 1
  /** By request method and status, too (RFC 9112, 6.3). */
  readonly framing: BodyFraming
  /** Whether the endpoint takes another request on this connection, once the body has ended. */
  readonly isKeepAlive: boolean
  /** 1xx, after which the real response comes; 101 ends HTTP on the connection, and is none. */
  readonly isInterim: boolean
  /** Of 101: the value of `Upgrade`, in lower case. */
  readonly upgrade: string | undefined
  /** The rest is private to this folder: index after the status line, and what follows. */
  readonly lineEnd: number
  readonly fields: FieldLines
  readonly connection: ConnectionOptions
  /** 1xx and 204 have no content, and must not tell of any (RFC 9110, 8.6; RFC 9112, 6.1). */
  readonly tellsOfContent: boolean
}

interface StatusLine {
  readonly minor: 0 | 1
  readonly status: number
  readonly reason: string
  readonly end: number
}

const VERSION_BYTES = 8
const SWITCHING_PROTOCOLS = 101
const DIGITS = /^[0-9]{1,16}$/

/**
 * Reads the head of a response as strictly as that of a request: the client may be one that others share.
 *
 * @param method - of the request
 * @returns problems have status 502
 */
export function parseResponseHead(text: string, method: string): ResponseHead | HeadProblem {
  if (text.length > MAX_HEAD_BYTES) return TOO_LARGE
  if (!text.endsWith('\r\n\r\n')) return badResponse(NO_EMPTY_LINE.problem)
  const line = parseStatusLine(text)
  if (line === undefined) return badResponse('The status line is malformed.')
  const fields = new FieldLines(text)
  const problem = fields.scan(line.end)
  const head = problem ?? responseHead(line, fields, method)
  return isProblem(head) ? badResponse(head.problem) : head
}

const TOO_LARGE = badResponse(`The head has more than ${MAX_HEAD_BYTES} bytes.`)

function responseHead(line: StatusLine, fields: FieldLines, method: string): ResponseHead | HeadProblem {
  const { minor, status, reason } = line
  const declared = declaredFraming(fields, minor, DIGITS) ?? UNTIL_CLOSE
  if (isProblem(declared)) return declared
  const isSwitch = status === SWITCHING_PROTOCOLS
  const upgrade = isSwitch ? fields.known(FIELD.upgrade)?.toLowerCase() : undefined
  if (isSwitch && upgrade === undefined) return NO_UPGRADE
  const connection = connectionOptions(fields)
  const tellsOfContent = isContentless(status) && (declared.kind === 'length' || declared.kind === 'chunked')
  const framing = isBodiless(status, method) ? NO_BODY : declared
  return {
    text: fields.text,
    status,
    reason,
    minor,
    framing,
    isKeepAlive: isReusable(framing, connection, minor) && !tellsOfContent,
    isInterim: status < 200 && !isSwitch,
    upgrade,
    lineEnd: line.end,
    fields,
    connection,
    tellsOfContent,
  }
}

const NO_UPGRADE = badResponse('Upgrade is missing in a response of status 101.')

/** An endpoint whose `Connection` can't be read may mean to close it. */
function isReusable(framing: BodyFraming, connection: ConnectionOptions, minor: 0 | 1): boolean {
  return framing.kind !== 'until-close' && connection.fault === undefined && isPersistent(connection, minor)
}

function isContentless(status: number): boolean {
  return status < 200 || status === 204
}

function isBodiless(status: number, method: string): boolean {
  return isContentless(status) || status === 304 || method === 'HEAD'
}

/** RFC 9112, 4. The space before an empty reason may be missing, as it is with many. */
function parseStatusLine(text: string): StatusLine | undefined {
  const isNewer = text.startsWith('HTTP/1.1 ')
  if (!isNewer && !text.startsWith('HTTP/1.0 ')) return undefined
  const status = statusAt(text, VERSION_BYTES + 1)
  const afterStatus = VERSION_BYTES + 4
  const separator = text.charCodeAt(afterStatus)
  if (status < 100 || (separator !== SPACE && separator !== CR)) return undefined
  const lineEnd = endOfValue(text, afterStatus)
  if (!hasCrlfAt(text, lineEnd)) return undefined
  return { minor: isNewer ? 1 : 0, status, reason: text.slice(afterStatus + 1, lineEnd), end: lineEnd + 2 }
}

/** @returns the number of three digits there, less than 100 where they are none */
function statusAt(text: string, at: number): number {
  let status = 0
  for (let index = at; index < at + 3; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (!(digit >= 0 && digit <= 9)) return 0
    status = status * 10 + digit
  }
  return status
}
