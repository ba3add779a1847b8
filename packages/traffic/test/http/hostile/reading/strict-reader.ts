import { Cursor, type Reading, type SeenRequest } from './reading.ts'

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP\/1\.[01]$/
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\u0080-\u00ff]*?)[ \t]*$/
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t -~\u0080-\u00ff]*)?$/

export type Ending = 'complete' | 'waiting' | 'refused'

/** A reader that stops at whatever is not as RFC 9112 has it. */
export function strictReading(pieces: readonly Buffer[]): Reading {
  const cursor = new Cursor(Buffer.concat(pieces).toString('latin1'), 'crlf')
  const requests: SeenRequest[] = []
  while (!cursor.isAtEnd) {
    const head = strictHead(cursor)
    if (typeof head === 'string') return { requests, end: head }
    const ending = skipBody(cursor, head.fields)
    requests.push({ line: head.line, isComplete: ending === 'complete' })
    if (ending !== 'complete') return { requests, end: ending }
  }
  return { requests, end: 'clean' }
}

interface Head {
  readonly line: string
  readonly fields: ReadonlyMap<string, readonly string[]>
}

function strictHead(cursor: Cursor): Head | 'waiting' | 'refused' {
  const line = cursor.line()
  if (line === undefined) return 'waiting'
  const [, method, target] = REQUEST_LINE.exec(line) ?? []
  const fields = method === undefined ? 'refused' : strictFields(cursor)
  if (typeof fields === 'string') return fields
  return fields.get('host')?.length === 1 ? { line: `${method} ${target}`, fields } : 'refused'
}

/** @returns fields by name, in lower case */
export function strictFields(cursor: Cursor): Map<string, string[]> | 'waiting' | 'refused' {
  const fields = new Map<string, string[]>()
  for (let line = cursor.line(); line !== ''; line = cursor.line()) {
    if (line === undefined) return 'waiting'
    const [, name, value = ''] = FIELD.exec(line) ?? []
    if (name === undefined) return 'refused'
    const values = fields.get(name.toLowerCase())
    if (values === undefined) fields.set(name.toLowerCase(), [value])
    else values.push(value)
  }
  return fields
}

export function skipBody(cursor: Cursor, fields: ReadonlyMap<string, readonly string[]>): Ending {
  const lengths = fields.get('content-length') ?? []
  const codings = fields.get('transfer-encoding') ?? []
  if (lengths.length + codings.length > 1) return 'refused'
  if (codings.length === 1) return codings[0]?.toLowerCase() === 'chunked' ? skipChunks(cursor) : 'refused'
  const [length = '0'] = lengths
  if (!/^\d{1,16}$/.test(length)) return 'refused'
  const end = cursor.at + Number(length)
  cursor.skip(Number(length))
  return cursor.at === end ? 'complete' : 'waiting'
}

function skipChunks(cursor: Cursor): Ending {
  for (;;) {
    const size = nextSize(cursor)
    if (size === 0) return skipTrailers(cursor)
    if (typeof size === 'string') return size
    const ending = skipData(cursor, size)
    if (ending !== 'complete') return ending
  }
}

function skipData(cursor: Cursor, size: number): Ending {
  const rest = cursor.skip(size) ? cursor.line() : undefined
  if (rest === undefined) return 'waiting'
  return rest === '' ? 'complete' : 'refused'
}

function nextSize(cursor: Cursor): number | 'waiting' | 'refused' {
  const line = cursor.line()
  if (line === undefined) return 'waiting'
  const [, digits] = CHUNK_SIZE.exec(line) ?? []
  return digits === undefined ? 'refused' : Number.parseInt(digits, 16)
}

function skipTrailers(cursor: Cursor): Ending {
  for (let line = cursor.line(); line !== ''; line = cursor.line()) {
    if (line === undefined) return 'waiting'
    if (!FIELD.test(line)) return 'refused'
  }
  return 'complete'
}
