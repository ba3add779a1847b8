import {
  COLON,
  CR,
  endOfToken,
  endOfValue,
  hasCrlfAt,
  isBlank,
  LF,
  sliceWithoutBlanks,
} from './char-classes.ts'
import { badRequest, type HeadProblem } from './head-problem.ts'
import { hasNameAt, knownField } from './known-fields.ts'

const MAX_FIELDS = 200
/** Numbers kept of each line: where it starts, where its colon is, and its bit of `FIELD`. */
const STRIDE = 3
const LONGEST_NAME_TOLD = 64

/** The field lines of a head (RFC 9112, 5), as positions in its text: nothing is cut out before someone asks for it. */
export class FieldLines {
  readonly text: string
  /** Bits of `FIELD`: those that are there, and those that are there more than once. */
  seen = 0
  repeated = 0
  readonly #lines: number[] = []

  constructor(text: string) {
    this.text = text
  }

  /**
   * Reads all lines, to the empty one that must be the end of the text.
   *
   * @param from - where the first field line starts
   */
  scan(from: number): HeadProblem | undefined {
    const { text } = this
    const last = text.length - 2
    let at = from
    while (at < last) {
      const colon = endOfToken(text, at)
      if (colon === at || text.charCodeAt(colon) !== COLON) return problemOfName(text, at, colon)
      const end = endOfValue(text, colon + 1)
      if (!hasCrlfAt(text, end)) return problemOfValue(text, at, end)
      if (this.#lines.length === MAX_FIELDS * STRIDE) return TOO_MANY_FIELDS
      this.#add(at, colon)
      at = end + 2
    }
    return at === last && hasCrlfAt(text, at) ? undefined : NO_EMPTY_LINE
  }

  /** First value of that field, without white space around it. */
  value(name: string): string | undefined {
    for (let line = 0; line < this.#lines.length; line += STRIDE) {
      if (this.#isNamed(line, name)) return this.#valueOf(line)
    }
    return undefined
  }

  values(name: string): readonly string[] {
    const found: string[] = []
    for (let line = 0; line < this.#lines.length; line += STRIDE) {
      if (this.#isNamed(line, name)) found.push(this.#valueOf(line))
    }
    return found
  }

  /** Name and value of each line. */
  all(): (readonly [name: string, value: string])[] {
    const found: (readonly [string, string])[] = []
    for (let line = 0; line < this.#lines.length; line += STRIDE)
      found.push([this.text.slice(this.#lines[line], this.#lines[line + 1]), this.#valueOf(line)])
    return found
  }

  /** The same of a known field, by its bit: all values, as one list where there are several (RFC 9110, 5.3). */
  known(bit: number): string | undefined {
    if ((this.seen & bit) === 0) return undefined
    let list: string | undefined
    for (let line = 0; line < this.#lines.length; line += STRIDE) {
      if (this.#lines[line + 2] !== bit) continue
      const value = this.#valueOf(line)
      list = list === undefined ? value : `${list}, ${value}`
    }
    return list
  }

  /** Whether a line of that known field has a tab: beside a value, servers don't agree whether that is white space. */
  hasTab(bit: number): boolean {
    for (let line = 0; line < this.#lines.length; line += STRIDE) {
      if (this.#lines[line + 2] !== bit) continue
      const tab = this.text.indexOf('\t', this.#lines[line])
      if (tab !== -1 && tab < (this.#lines[line + STRIDE] ?? this.text.length)) return true
    }
    return false
  }

  /**
   * The text from there to the end of the last line, without the lines of some fields.
   *
   * @param from - 0 or where the first line starts
   * @param bits - of the known fields that are left out
   * @param names - of other fields that are left out, in lower case
   */
  without(from: number, bits: number, names: readonly string[]): string {
    const { text } = this
    const end = text.length - 2
    if ((this.seen & bits) === 0 && names.length === 0) return text.slice(from, end)
    let kept = ''
    let start = from
    for (let line = 0; line < this.#lines.length; line += STRIDE) {
      if (!this.#isOneOf(line, bits, names)) continue
      const lineStart = this.#lines[line] ?? end
      if (lineStart > start) kept += text.slice(start, lineStart)
      start = this.#lines[line + STRIDE] ?? end
    }
    return start < end ? kept + text.slice(start, end) : kept
  }

  #add(start: number, colon: number): void {
    const bit = knownField(this.text, start, colon)
    this.repeated |= this.seen & bit
    this.seen |= bit
    this.#lines.push(start, colon, bit)
  }

  #isNamed(line: number, name: string): boolean {
    const start = this.#lines[line] ?? 0
    return this.#lines[line + 1] === start + name.length && hasNameAt(this.text, start, name)
  }

  #isOneOf(line: number, bits: number, names: readonly string[]): boolean {
    if (((this.#lines[line + 2] ?? 0) & bits) !== 0) return true
    for (const name of names) {
      if (this.#isNamed(line, name)) return true
    }
    return false
  }

  #valueOf(line: number): string {
    const { text } = this
    const start = (this.#lines[line + 1] ?? 0) + 1
    const end = (this.#lines[line + STRIDE] ?? text.length - 2) - 2
    return sliceWithoutBlanks(text, start, end)
  }
}

export const NO_EMPTY_LINE = badRequest('The head does not end in an empty line.')

const TOO_MANY_FIELDS: HeadProblem = {
  problem: `The head has more than ${MAX_FIELDS} fields.`,
  status: 431,
}

function problemOfName(text: string, start: number, end: number): HeadProblem {
  const code = text.charCodeAt(end)
  if (end === start) return problemOfEmptyName(code)
  const name = nameOf(text, start, end)
  if (isBlank(code)) return badRequest(`There is white space between the field name ${name} and its colon.`)
  if (code === CR || code === LF) return badRequest(`The line ${name} has no colon.`)
  return badRequest(`The field name that begins with ${name} has a character that names must not have.`)
}

function problemOfEmptyName(code: number): HeadProblem {
  if (isBlank(code)) return badRequest('A line begins with white space: folded lines are obsolete.')
  if (code === COLON) return badRequest('A field has no name.')
  if (code === CR || code === LF) return badRequest('The head has an empty line or a line end that is none.')
  return badRequest('A field name begins with a character that names must not have.')
}

/** @param at - of the first character that is no part of the value, and no end of the line */
function problemOfValue(text: string, start: number, at: number): HeadProblem {
  const name = nameOf(text, start, endOfToken(text, start))
  const code = text.charCodeAt(at)
  if (code === LF) return badRequest(`The line of the field ${name} ends in LF without CR.`)
  if (code === CR) return badRequest(`The field ${name} has a CR without LF.`)
  return badRequest(`The field ${name} has a control character.`)
}

function nameOf(text: string, start: number, end: number): string {
  return text.slice(start, Math.min(end, start + LONGEST_NAME_TOLD))
}
