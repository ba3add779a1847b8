/** Tables by char code of latin1 text: 1 where the character is one of that class. What is no byte has no entry. */

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const COLON = 0x3a

const FIRST_VISIBLE = 0x21
const DEL = 0x7f
const BYTES = 256

/** Letters of method names and field names (RFC 9110, 5.6.2). */
export const TOKEN = tableOf((code) => /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(code)))

/** Of field values: HTAB, SP, VCHAR and obs-text (RFC 9110, 5.5). */
export const VALUE = tableOf((code) => code === TAB || (code >= SPACE && code !== DEL))

/** Of request targets: what is visible, but no fragment. More than RFC 3986 allows, since browsers send `|`, `{` and others. */
export const TARGET = tableOf((code) => code >= FIRST_VISIBLE && code < DEL && code !== 0x23)

/** Char code of the same letter in lower case, of ASCII. */
export const LOWER = Uint8Array.from({ length: BYTES }, (_, code) =>
  code >= 0x41 && code <= 0x5a ? code | 0x20 : code,
)

/** @returns index of the first character from `from` on that is no part of a token; `text` must have one */
export function endOfToken(text: string, from: number): number {
  let at = from
  while (TOKEN[text.charCodeAt(at)] === 1) at++
  return at
}

/** @returns index of the first character from `from` on that is no part of a field value; `text` must have one */
export function endOfValue(text: string, from: number): number {
  let at = from
  while (VALUE[text.charCodeAt(at)] === 1) at++
  return at
}

/** @returns index of the first character from `from` on that is no part of a request target; `text` must have one */
export function endOfTarget(text: string, from: number): number {
  let at = from
  while (TARGET[text.charCodeAt(at)] === 1) at++
  return at
}

export function hasCrlfAt(text: string, at: number): boolean {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF
}

/** OWS of RFC 9110, 5.6.3; not what JavaScript calls white space, which has more of it. */
export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

/** That part of the text, without white space around it. */
export function sliceWithoutBlanks(text: string, start: number, end: number): string {
  let first = start
  let last = end
  while (first < last && isBlank(text.charCodeAt(first))) first++
  while (last > first && isBlank(text.charCodeAt(last - 1))) last--
  return text.slice(first, last)
}

export function withoutBlanks(text: string): string {
  return sliceWithoutBlanks(text, 0, text.length)
}

function tableOf(isIn: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: BYTES }, (_, code) => (isIn(code) ? 1 : 0))
}
