import { withoutBlanks } from './char-classes.ts'
import type { HeadProblem } from './head-problem.ts'
import { FIELD } from './known-fields.ts'
import type { RequestHead } from './request-head.ts'
import { problemOfOutgoing } from './valid-request.ts'

export interface OutgoingRequestOptions {
  /** Whole lines of ours, each with its CRLF. `X-Forwarded-For` and `Forwarded` among them replace those of the client. */
  readonly extraLines: string
  /** The endpoint is asked for the upgrade, too. */
  readonly keepsUpgrade: boolean
  /** `Host` of a request of HTTP/1.0 that has none. */
  readonly defaultHost: string
}

/** RFC 9110, 7.6.1. `TE` and `Upgrade` are written anew where they stay. */
const HOP_BY_HOP =
  FIELD.connection | FIELD.keepAlive | FIELD.proxyConnection | FIELD.te | FIELD.upgrade | FIELD.http2Settings

/**
 * Head for the endpoint: HTTP/1.1, in origin-form (a target in absolute-form is converted, its authority becomes `Host`), without
 * what concerns the client's connection only.
 *
 * @returns a problem where that would not be one well-formed request with that framing
 */
export function outgoingRequest(head: RequestHead, options: OutgoingRequestOptions): string | HeadProblem {
  const text = written(head, options)
  return problemOfOutgoing(text, head.framing) ?? text
}

function written(head: RequestHead, options: OutgoingRequestOptions): string {
  const { fields, authority, minor } = head
  const dropped = HOP_BY_HOP | replacedFields(head, options.extraLines)
  const { names } = head.connection
  if (minor === 1 && authority === undefined) {
    const kept = fields.without(0, dropped, names)
    return `${kept}${connectionLines(head, options.keepsUpgrade)}${options.extraLines}\r\n`
  }
  const kept = fields.without(head.lineEnd, dropped, names)
  const lines = `${hostLine(head, options.defaultHost)}${kept}${connectionLines(head, options.keepsUpgrade)}`
  return `${head.method} ${head.path} HTTP/1.1\r\n${lines}${options.extraLines}\r\n`
}

/** Of what the request has: bits of those fields that others take the place of. */
function replacedFields(head: RequestHead, extraLines: string): number {
  const { seen } = head.fields
  let bits = head.authority === undefined ? 0 : FIELD.host
  // HTTP/1.0 has no interim responses, so that nothing could come of it (RFC 9110, 10.1.1).
  if (head.minor === 0) bits |= FIELD.expect
  if ((seen & FIELD.forwardedFor) !== 0 && hasLine(extraLines, 'X-Forwarded-For:')) bits |= FIELD.forwardedFor
  if ((seen & FIELD.forwarded) !== 0 && hasLine(extraLines, 'Forwarded:')) bits |= FIELD.forwarded
  return bits
}

function hasLine(lines: string, start: string): boolean {
  return lines.startsWith(start) || lines.includes(`\n${start}`)
}

/** @returns '' where the request has a `Host` of its own that counts */
function hostLine(head: RequestHead, defaultHost: string): string {
  if (head.authority !== undefined) return `Host: ${head.authority}\r\n`
  return (head.fields.seen & FIELD.host) === 0 ? `Host: ${defaultHost}\r\n` : ''
}

/** `Connection`, and those of the fields that it names which stay. */
function connectionLines(head: RequestHead, keepsUpgrade: boolean): string {
  const { fields } = head
  if ((fields.seen & (FIELD.te | FIELD.upgrade)) === 0) return ''
  const takesTrailers = hasTrailers(fields.known(FIELD.te) ?? '')
  const te = takesTrailers ? 'TE: trailers\r\n' : ''
  if (keepsUpgrade && head.upgrade !== undefined) return `${upgradeLines(head, takesTrailers)}${te}`
  return takesTrailers ? `Connection: TE\r\n${te}` : ''
}

/** RFC 9110, 7.8, and of an upgrade to HTTP/2 what RFC 7540, 3.2.1 asks for. */
function upgradeLines({ fields }: RequestHead, takesTrailers: boolean): string {
  const settings = fields.known(FIELD.http2Settings)
  const names = `upgrade${settings === undefined ? '' : ', HTTP2-Settings'}${takesTrailers ? ', TE' : ''}`
  const settingsLine = settings === undefined ? '' : `HTTP2-Settings: ${settings}\r\n`
  return `Connection: ${names}\r\nUpgrade: ${fields.known(FIELD.upgrade) ?? ''}\r\n${settingsLine}`
}

/** @param te - value of `TE` (RFC 9110, 10.1.4) */
function hasTrailers(te: string): boolean {
  if (te === 'trailers') return true
  return te
    .toLowerCase()
    .split(',')
    .some((coding) => withoutBlanks(coding) === 'trailers')
}
