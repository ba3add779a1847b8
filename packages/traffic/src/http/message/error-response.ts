import { STATUS_CODES } from 'node:http'

export interface ErrorResponseOptions {
  /** The connection is closed after it. */
  readonly closes: boolean
  /** Method and minor version of the request. */
  readonly method: string
  readonly minor: 0 | 1
}

const NOT_ASCII = /[^\x20-\x7e]/g
const METHOD_NOT_ALLOWED = 405

/**
 * A whole response of our own: one sentence as plain text. Nobody keeps it, since it is about this moment.
 *
 * @param sentence - ASCII; other characters become `?`
 */
export function errorResponse(status: number, sentence: string, options: ErrorResponseOptions): string {
  const { closes, method, minor } = options
  const content = `${sentence.replaceAll(NOT_ASCII, '?')}\n`
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${content.length}`,
    'Cache-Control: no-store',
  ]
  // RFC 9110, 15.5.6.
  if (status === METHOD_NOT_ALLOWED) lines.push('Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  if (closes) lines.push('Connection: close')
  else if (minor === 0) lines.push('Connection: keep-alive')
  return `${lines.join('\r\n')}\r\n\r\n${method === 'HEAD' ? '' : content}`
}
