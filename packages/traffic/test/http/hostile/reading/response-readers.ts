import { headFields, type Leniency, skipBody as skipLeniently, valuesOf } from './lenient-reader.ts'
import { Cursor } from './reading.ts'
import { skipBody as skipStrictly, strictFields } from './strict-reader.ts'

/** A final response as a client makes it out. */
export interface SeenResponse {
  readonly status: number
  readonly isComplete: boolean
  /** Index after it in what came. */
  readonly end: number
}

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: [\t -~\u0080-\u00ff]*)?$/

const LENIENT: readonly Leniency[] = [
  { lineEnd: 'lf', framedBy: 'length', counts: 'first', folded: 'continues', names: 'trimmed' },
  { lineEnd: 'any', framedBy: 'coding', counts: 'last', folded: 'is a field', names: 'trimmed' },
]

/**
 * What clients of different minds see in what came on a connection that has ended, the strict one first. It stops where something is
 * not as RFC 9112 has it, with a response of status 0.
 *
 * @param methods - of the requests, one by one
 */
export function responseReadings(text: string, methods: readonly string[]): readonly SeenResponse[][] {
  const strict = readAll(new Cursor(text, 'crlf'), methods, strictResponse)
  const lenient = LENIENT.map((leniency) =>
    readAll(new Cursor(text, leniency.lineEnd), methods, (cursor, method) =>
      lenientResponse(cursor, method, leniency),
    ),
  )
  return [strict, ...lenient]
}

type Read = (cursor: Cursor, method: string) => Omit<SeenResponse, 'end'> | undefined

function readAll(cursor: Cursor, methods: readonly string[], read: Read): SeenResponse[] {
  const responses: SeenResponse[] = []
  while (!cursor.isAtEnd) {
    const response = read(cursor, methods[responses.length] ?? 'GET')
    if (response === undefined)
      return [...responses, { status: 0, isComplete: false, end: cursor.text.length }]
    const isFinal = response.status >= 200 || response.status === 101
    if (isFinal) responses.push({ ...response, end: cursor.at })
    if (isFinal && !response.isComplete) return responses
  }
  return responses
}

function strictResponse(cursor: Cursor, method: string): Omit<SeenResponse, 'end'> | undefined {
  const [, digits] = STATUS_LINE.exec(cursor.line() ?? '') ?? []
  const fields = digits === undefined ? 'refused' : strictFields(cursor)
  if (typeof fields === 'string') return undefined
  const status = Number(digits)
  if (isBodiless(status, method)) return { status, isComplete: true }
  if (!fields.has('content-length') && !fields.has('transfer-encoding')) return untilTheEnd(cursor, status)
  const ending = skipStrictly(cursor, fields)
  return ending === 'refused' ? undefined : { status, isComplete: ending === 'complete' }
}

function lenientResponse(cursor: Cursor, method: string, leniency: Leniency) {
  const [, digits = ''] = cursor.line()?.split(/[ \t]+/) ?? []
  const fields = headFields(cursor, leniency)
  const status = Number.parseInt(digits, 10)
  if (fields === undefined || Number.isNaN(status)) return undefined
  if (isBodiless(status, method)) return { status, isComplete: true }
  const isFramed = ['content-length', 'transfer-encoding'].some((name) => valuesOf(fields, name).length > 0)
  return isFramed
    ? { status, isComplete: skipLeniently(cursor, fields, leniency) }
    : untilTheEnd(cursor, status)
}

/** RFC 9112, 6.3. */
function isBodiless(status: number, method: string): boolean {
  return status < 200 || status === 204 || status === 304 || method === 'HEAD'
}

function untilTheEnd(cursor: Cursor, status: number): Omit<SeenResponse, 'end'> {
  cursor.at = cursor.text.length
  return { status, isComplete: true }
}
