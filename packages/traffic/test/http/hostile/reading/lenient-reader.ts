import { Cursor, type LineEnd, type Reading, type SeenRequest } from './reading.ts'

/** Wherein readers differ that make the best of what they get. */
export interface Leniency {
  readonly lineEnd: LineEnd
  /** Where there is both. */
  readonly framedBy: 'length' | 'coding'
  /** Which of several fields of one name counts. */
  readonly counts: 'first' | 'last'
  /** A folded line continues the value, or is a field of its own. */
  readonly folded: 'continues' | 'is a field'
  /** Names are as they are written, without white space and controls, or with hyphens for underscores as well. */
  readonly names: 'exact' | 'trimmed' | 'variables'
}

/** A request with where it ends. */
export interface PlacedRequest extends SeenRequest {
  readonly head: string
  readonly end: number
}

export type Fields = readonly (readonly [name: string, value: string])[]

/** A reader that never refuses: it takes what it finds for requests as long as there is a line. */
export function lenientReading(leniency: Leniency): (pieces: readonly Buffer[]) => Reading {
  return (pieces) => {
    const cursor = new Cursor(Buffer.concat(pieces).toString('latin1'), leniency.lineEnd)
    const requests: SeenRequest[] = []
    for (let whole = true; whole; ) {
      const { line, isComplete } = nextRequest(cursor, leniency) ?? NOTHING
      whole = isComplete
      if (line !== '') requests.push({ line, isComplete })
    }
    return {
      requests,
      end: cursor.isAtEnd && requests.every(({ isComplete }) => isComplete) ? 'clean' : 'waiting',
    }
  }
}

const NOTHING: SeenRequest = { line: '', isComplete: false }

/** The request that begins where the cursor is; `undefined` where no head ends. The cursor stays there, then. */
export function nextRequest(cursor: Cursor, leniency: Leniency): PlacedRequest | undefined {
  const start = cursor.at
  let line = cursor.line()
  while (line === '') line = cursor.line()
  const fields = line === undefined ? undefined : headFields(cursor, leniency)
  if (line === undefined || fields === undefined) {
    cursor.at = isBlank(cursor.text, start) ? cursor.text.length : start
    return undefined
  }
  const head = cursor.text.slice(start, cursor.at)
  const isComplete = skipBody(cursor, fields, leniency)
  return {
    line: line
      .trim()
      .split(/[ \t]+/, 2)
      .join(' '),
    head,
    isComplete,
    end: cursor.at,
  }
}

function isBlank(text: string, start: number): boolean {
  return /^[\r\n]*$/.test(text.slice(start, start + 16)) && text.length - start < 16
}

export function headFields(cursor: Cursor, { folded, names }: Leniency): Fields | undefined {
  const fields: [string, string][] = []
  for (;;) {
    const line = cursor.line()
    if (line === undefined) return undefined
    if (line === '') return fields
    const last = fields.at(-1)
    if (/^[ \t]/.test(line) && folded === 'continues' && last !== undefined) last[1] += ` ${line.trim()}`
    else fields.push(fieldOf(line, names))
  }
}

function fieldOf(line: string, names: Leniency['names']): [string, string] {
  const colon = line.indexOf(':')
  const name = (colon < 0 ? line : line.slice(0, colon)).toLowerCase()
  return [normalName(name, names), colon < 0 ? '' : line.slice(colon + 1).trim()]
}

function normalName(name: string, names: Leniency['names']): string {
  if (names === 'exact') return name
  const trimmed = [...name].filter((character) => character > ' ' && character < '\x7f').join('')
  return names === 'variables' ? trimmed.replaceAll('_', '-') : trimmed
}

/** @returns whether all of it was there */
export function skipBody(cursor: Cursor, fields: Fields, { framedBy, counts }: Leniency): boolean {
  const index = counts === 'first' ? 0 : -1
  const length = valuesOf(fields, 'content-length').at(index)
  const isChunked = valuesOf(fields, 'transfer-encoding').some((value) => /chunked/i.test(value))
  if (isChunked && (framedBy === 'coding' || length === undefined)) return skipChunks(cursor)
  const bytes = Math.max(0, Number.parseInt(length ?? '0', 10) || 0)
  const { at } = cursor
  cursor.skip(bytes)
  return cursor.at === at + bytes
}

export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([own]) => own === name).map(([, value]) => value)
}

/** Sizes are what `parseInt` makes of them; what follows the data is taken for its end, whatever it is. */
function skipChunks(cursor: Cursor): boolean {
  for (;;) {
    const line = cursor.line()
    const size = Number.parseInt(line ?? '', 16)
    if (line === undefined || !(size >= 0)) return false
    if (size === 0) return skipTrailers(cursor)
    if (!cursor.skip(size) || cursor.line() === undefined) return false
  }
}

function skipTrailers(cursor: Cursor): boolean {
  for (;;) {
    const line = cursor.line()
    if (line === undefined) return false
    if (line === '') return true
  }
}
