import { type IncomingHttpHeaders, sensitiveHeaders } from 'node:http2'

/**
 * Header fields as node:http2 tells and takes them: name, value, name, value. In lower case, as they came, each line by itself. Those
 * that must never be indexed (RFC 7541, 7.1.3) are named by a property of their own, which stays with the list.
 */
export type Fields = string[]

/** By name, values that came in several lines joined. */
export type Headers = IncomingHttpHeaders

/** A field by its name, in lower case, as text. */
export function fieldIn(headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

/** The values of all lines of that field. */
export function linesOf(fields: Fields, name: string): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) lines.push(fields[at + 1] ?? '')
  return lines
}

/** Where the name of that field's first line stands; -1: there is none. */
export function indexOfField(fields: Fields, name: string): number {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return at
  return -1
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: the content type begins so; gRPC-Web has its trailers in the body. */
export function isGrpc(headers: Headers): boolean {
  const type = headers['content-type']
  return type?.startsWith('application/grpc') === true && !type.startsWith('application/grpc-web')
}

/** Keeps what the sender marked as never to be indexed. */
export function keepSensitive(fields: Fields, headers: Headers): void {
  const names = sensitiveIn(headers)
  if (names.length > 0) Object.assign(fields, { [sensitiveHeaders]: names })
}

function sensitiveIn(headers: Headers): readonly unknown[] {
  const names: unknown = Reflect.get(headers, sensitiveHeaders)
  return Array.isArray(names) ? names : []
}

/**
 * Takes out what concerns one connection only (RFC 9113, 8.2.2). nghttp2 refuses messages with most of that, but knows nothing of
 * `HTTP2-Settings`; and it lets `TE: Trailers` pass, of which node:http2 knows one spelling only.
 */
export function dropConnectionFields(fields: Fields): void {
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]
    if (name === 'te') fields[at + 1] = 'trailers'
    else if (name === 'http2-settings') {
      fields.splice(at, 2)
      at -= 2
    }
  }
}

export type Trailers = Record<string, string | string[]>

/**
 * Trailers, or an interim response, as node:http2 takes them: by name, several lines as a list. Without what concerns one connection
 * only, as `dropConnectionFields` has it; `TE` says nothing there.
 */
export function trailersOf(fields: Fields, headers: Headers): Trailers {
  const trailers: Trailers = Object.create(null)
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? ''
    if (name === 'te' || name === 'http2-settings') continue
    const value = fields[at + 1] ?? ''
    const before = trailers[name]
    trailers[name] = before === undefined ? value : [before, value].flat()
  }
  const names = sensitiveIn(headers)
  return names.length === 0 ? trailers : Object.assign(trailers, { [sensitiveHeaders]: names })
}

/** @param status - of a field `grpc-status`: 0 to 16, but endpoints may send anything */
export function grpcCodeOf(status: string | undefined): number | undefined {
  return status !== undefined && /^\d{1,2}$/.test(status) ? Number(status) : undefined
}
