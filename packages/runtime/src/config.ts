import { readFile } from 'node:fs/promises'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { findingsOf } from './config-finding.ts'
import { ConfigError, type ConfigProblem } from './errors.ts'

/** By the code of the error. */
const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a directory'],
  ['ERR_ENCODING_INVALID_ENCODED_DATA', 'it is not UTF-8'],
])

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

  const result = schema.safeParse(toValue(file, document) ?? {}, { reportInput: true })
  if (result.success) return deepFreeze(result.data)
  const problems = result.error.issues.flatMap(findingsOf)
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
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const message = UNREADABLE.get(code) ?? `it can't be read: ${String(error)}`
    throw new ConfigError(file, [problem('', message)], { cause: error })
  }
}

/** Aliases are resolved only here: one may be of nothing, or stand for too much. */
function toValue(file: string, document: Document): unknown {
  try {
    return document.toJS()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new ConfigError(file, [problem('', message)], { cause: error })
  }
}

function problem(path: string, message: string, line?: number): ConfigProblem {
  return { path, message, line }
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
