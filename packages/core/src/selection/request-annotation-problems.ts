import { APPLICATION_PROTOCOLS } from './application-protocol.ts'
import {
  annotatedCauses,
  annotatedCount,
  annotatedDurationMs,
  type CountBounds,
  ERROR_PERCENT_BOUNDS,
  FORWARDED_HEADERS,
  FORWARDED_HEADERS_ANNOTATION,
  HASH_COOKIE_ANNOTATION,
  HASH_HEADER_ANNOTATION,
  MAX_ERROR_PERCENT_ANNOTATION,
  PER_TRY_TIMEOUT_ANNOTATION,
  PROTOCOL_ANNOTATION,
  REQUEST_TIMEOUT_ANNOTATION,
  RETRIES_ANNOTATION,
  RETRIES_BOUNDS,
  RETRY_CAUSES,
  RETRY_ON_ANNOTATION,
} from './request-annotations.ts'
import { isToken, parseStickyCookie } from './sticky-cookie.ts'

/** What is wrong with a value, without the annotation's name. */
type Check = (value: string) => readonly string[]

const CHECKS: ReadonlyMap<string, Check> = new Map([
  [PROTOCOL_ANNOTATION, oneOf(APPLICATION_PROTOCOLS)],
  [HASH_HEADER_ANNOTATION, unless(isToken, 'the name of a header')],
  [HASH_COOKIE_ANNOTATION, cookieProblems],
  [RETRIES_ANNOTATION, countWithin(RETRIES_BOUNDS)],
  [RETRY_ON_ANNOTATION, causesProblems],
  [REQUEST_TIMEOUT_ANNOTATION, unless(isDuration, 'a duration such as 500ms, 10s or 2m')],
  [PER_TRY_TIMEOUT_ANNOTATION, unless(isDuration, 'a duration such as 500ms, 10s or 2m')],
  [MAX_ERROR_PERCENT_ANNOTATION, countWithin(ERROR_PERCENT_BOUNDS)],
  [FORWARDED_HEADERS_ANNOTATION, oneOf(FORWARDED_HEADERS)],
])

/** One sentence each, without the name; `undefined` for an annotation that says nothing of requests. */
export function requestAnnotationProblems(name: string, value: string): readonly string[] | undefined {
  return CHECKS.get(name)?.(value)
}

function unless(isRight: (value: string) => boolean, expected: string): Check {
  return (value) => (isRight(value) ? [] : [`expected ${expected}, found "${value}"`])
}

function oneOf(words: readonly string[]): Check {
  return unless((value) => words.includes(value), words.join(' or '))
}

function countWithin(bounds: CountBounds): Check {
  const expected = `a whole number, ${bounds.min} to ${bounds.max}`
  return unless((value) => annotatedCount(value, bounds) !== undefined, expected)
}

function isDuration(value: string): boolean {
  return annotatedDurationMs(value) !== undefined
}

function cookieProblems(value: string): readonly string[] {
  const cookie = parseStickyCookie(value)
  return typeof cookie === 'string' ? [cookie] : []
}

function causesProblems(value: string): readonly string[] {
  const expected = `expected a list of ${RETRY_CAUSES.join(', ')}`
  const words = value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  if (words.length === 0) return [`${expected}, found none`]
  return words
    .filter((word) => annotatedCauses(word) === undefined)
    .map((word) => `${expected}, found "${word}"`)
}
