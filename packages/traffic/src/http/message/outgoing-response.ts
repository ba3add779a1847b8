import { SPACE } from './char-classes.ts'
import { isKeepAliveAlone } from './connection-options.ts'
import { badResponse, type HeadProblem } from './head-problem.ts'
import { FIELD } from './known-fields.ts'
import type { ResponseHead } from './response-head.ts'

export interface OutgoingResponseOptions {
  /** Of the client's request. */
  readonly clientMinor: 0 | 1
  /** What becomes of the client's connection. */
  readonly connection: 'keep-alive' | 'close' | 'upgrade'
  /** Whole lines of ours, each with its CRLF. */
  readonly extraLines: string
  /** The body goes out without its chunks, to a client of HTTP/1.0. */
  readonly dropsChunked: boolean
}

const AFTER_STATUS = 'HTTP/1.1 200'.length
const UPGRADE_REQUIRED = 426
/** RFC 9110, 7.6.1. */
const HOP_BY_HOP =
  FIELD.connection | FIELD.keepAlive | FIELD.proxyConnection | FIELD.upgrade | FIELD.http2Settings
/** Status line and fields. Unambiguous at each character: nothing is ever tried twice. */
const HEAD =
  /^HTTP\/1\.1 [1-9][0-9]{2} [\t\x20-\x7e\x80-\xff]*\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/

/**
 * Head for the client: HTTP/1.1, without what concerns the endpoint's connection only.
 *
 * @returns the text of the head itself where nothing changes: its bytes can be passed on as they are
 */
export function outgoingResponse(head: ResponseHead, options: OutgoingResponseOptions): string | HeadProblem {
  const dropped = droppedFields(head, options)
  const added = `${connectionLines(head, options)}${options.extraLines}`
  const { names } = head.connection
  const { fields, text } = head
  const isLineKept = head.minor === 1 && text.charCodeAt(AFTER_STATUS) === SPACE
  if (isLineKept && added === '' && (fields.seen & dropped) === 0 && names.length === 0) return text
  const line = isLineKept ? '' : `HTTP/1.1 ${head.status} ${head.reason}\r\n`
  const outgoing = `${line}${fields.without(isLineKept ? 0 : head.lineEnd, dropped, names)}${added}\r\n`
  return HEAD.test(outgoing) ? outgoing : FAULTY
}

const FAULTY = badResponse('The response can not be passed on: what would go to the client is malformed.')

function droppedFields(head: ResponseHead, options: OutgoingResponseOptions): number {
  const framing = FIELD.transferEncoding | FIELD.trailer
  const hopByHop = staysConnected(head, options) ? HOP_BY_HOP & ~FIELD.connection : HOP_BY_HOP
  if (head.tellsOfContent) return hopByHop | framing | FIELD.contentLength
  return options.dropsChunked ? hopByHop | framing : hopByHop
}

/** Many servers say `keep-alive` in each response. Where we would keep the client's connection, too, it may stay: heads need no change. */
function staysConnected(head: ResponseHead, { connection, clientMinor }: OutgoingResponseOptions): boolean {
  return connection === 'keep-alive' && clientMinor === 1 && isKeepAliveAlone(head.connection)
}

function connectionLines(head: ResponseHead, { connection, clientMinor }: OutgoingResponseOptions): string {
  const upgrade = connection === 'upgrade' || head.status === UPGRADE_REQUIRED ? upgradeOf(head) : undefined
  if (upgrade !== undefined) {
    const close = connection === 'close' ? 'close, ' : ''
    return `Connection: ${close}upgrade\r\nUpgrade: ${upgrade}\r\n`
  }
  if (connection === 'close') return 'Connection: close\r\n'
  return clientMinor === 0 && connection === 'keep-alive' ? 'Connection: keep-alive\r\n' : ''
}

function upgradeOf(head: ResponseHead): string | undefined {
  return head.fields.known(FIELD.upgrade)
}
