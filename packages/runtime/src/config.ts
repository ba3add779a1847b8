import { readFile } from 'node:fs/promises'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { ConfigError, type ConfigProblem } from './errors.ts'
import { isSecretKey, REDACTED } from './redact.ts'

/** Longest text of a wrong value that an error message repeats. */
const MAX_SHOWN_VALUE_LENGTH = 80

/**
 * Reads a YAML file, checks it against `schema` and fills in the defaults. The result is frozen, all the way down.
 *
 * @throws {ConfigError} naming the file and every problem in it: the path, the line, what was found, what was expected
 */
export async function loadConfig<Config>(file: string, schema: z.ZodType<Config>): Promise<Config> {
  const text = await readText(file)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message, pos }) =>
      problem('', message, lines.linePos(pos[0]).line),
    )
    throw new ConfigError(file, problems)
  }

  const result = schema.safeParse(document.toJS() ?? {}, { reportInput: true })
  if (result.success) return deepFreeze(result.data)
  const problems = result.error.issues.flatMap(problemsOf)
  throw new ConfigError(
    file,
    problems.map(({ path, message }) => problem(formatPath(path), message, lineOf(path))),
  )

  function lineOf(path: readonly PropertyKey[]): number | undefined {
    const offset = offsetOf(document, path)
    return offset === undefined ? undefined : lines.linePos(offset).line
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const message = code === 'ENOENT' ? 'there is no such file' : `it can't be read: ${String(error)}`
    throw new ConfigError(file, [problem('', message)], { cause: error })
  }
}

function problem(path: string, message: string, line?: number): ConfigProblem {
  return { path, message, line }
}

interface Finding {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

function problemsOf(issue: z.core.$ZodIssue): readonly Finding[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: 'unknown field' }))
  if (issue.input === undefined) return [{ path, message: `missing; ${expectation(issue)}` }]
  return [{ path, message: `${expectation(issue)}, found ${shown(path, issue.input)}` }]
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}`
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'too_small':
      return `expected at least ${issue.minimum}${sizeWord(issue.origin)}`
    case 'too_big':
      return `expected at most ${issue.maximum}${sizeWord(issue.origin)}`
    default:
      return issue.message
  }
}

/** What a bound counts, where it is not a number's own value. */
function sizeWord(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' entries' : ''
}

function shown(path: readonly PropertyKey[], value: unknown): string {
  if (path.some((key) => typeof key === 'string' && isSecretKey(key))) return REDACTED
  const text = JSON.stringify(value) ?? String(value)
  return text.length <= MAX_SHOWN_VALUE_LENGTH ? text : `${text.slice(0, MAX_SHOWN_VALUE_LENGTH)}…`
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
}

/** Where the field's key stands, or the entry itself in a list. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = document.getIn(path.slice(0, -1), true)
  const keys = isMap(parent) ? parent.items.map(({ key }) => key) : []
  const key = keys.find((candidate) => isScalar(candidate) && candidate.value === path.at(-1))
  const node = key ?? document.getIn(path, true)
  return isNode(node) ? node.range?.[0] : undefined
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
