import type { z } from 'zod'
import { isSecretKey, REDACTED } from './redact.ts'

/** What is wrong at one place of a config. */
export interface Finding {
  readonly path: readonly PropertyKey[]
  /** What was found and what was expected. */
  readonly message: string
}

/** Longest text of a wrong value that a message repeats. */
const MAX_SHOWN_VALUE_LENGTH = 80

export function findingsOf(issue: z.core.$ZodIssue): readonly Finding[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: 'unknown field' }))
  const found = foundBy(issue)
  if (found === undefined) return [{ path, message: `missing; expected ${expectation(issue)}` }]
  return [{ path, message: `expected ${expectation(issue)}, found ${shown(path, found)}` }]
}

/** An issue about a discriminator has the discriminator's path, but the input of the object that it stands in. */
function foundBy(issue: z.core.$ZodIssue): unknown {
  const { input } = issue
  const isDiscriminator = issue.code === 'invalid_union' && issue.discriminator !== undefined
  return isDiscriminator ? Reflect.get(Object(input), issue.discriminator) : input
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected
    case 'invalid_value':
      return alternatives(issue.values)
    case 'too_small':
      return `at least ${issue.minimum}${sizeWord(issue.origin)}`
    case 'too_big':
      return `at most ${issue.maximum}${sizeWord(issue.origin)}`
    case 'invalid_union':
      return unionExpectation(issue)
    default:
      // Messages of schemas begin with "expected"; zod's own are like "Invalid URL".
      return issue.message.replace(/^expected /, '').replace(/^Invalid /, 'a valid ')
  }
}

function unionExpectation(issue: z.core.$ZodIssueInvalidUnion): string {
  if ('options' in issue && issue.options !== undefined) return alternatives(issue.options)
  return [...new Set(issue.errors.flatMap((issues) => issues.slice(0, 1).map(expectation)))].join(' or ')
}

function alternatives(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' or ')
}

/** What a bound counts, where it is not a number's own value. */
function sizeWord(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' entries' : ''
}

function shown(path: readonly PropertyKey[], value: unknown): string {
  if (path.some((key) => typeof key === 'string' && isSecretKey(key))) return REDACTED
  const text = textOf(value).replace(/\/\/[^/@"]*@/g, `//${REDACTED}@`)
  return text.length <= MAX_SHOWN_VALUE_LENGTH ? text : `${text.slice(0, MAX_SHOWN_VALUE_LENGTH)}…`
}

/** As JSON; NaN and the infinities, which YAML has, as themselves. */
function textOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
}
