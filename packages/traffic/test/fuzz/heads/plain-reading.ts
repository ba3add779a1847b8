/**
 * A head as one reads it who trusts it: split at its line ends and colons. What the parser accepts must look the same from here; it
 * shares nothing with the parser.
 */
export interface PlainHead {
  readonly start: readonly string[]
  readonly fields: readonly PlainField[]
}

export interface PlainField {
  readonly line: string
  /** In lower case. */
  readonly name: string
  readonly value: string
}

const CONTROL = /[^\t\r\n\x20-\x7e\x80-\xff]/
const LONE = /\r(?!\n)|(?<!\r)\n/

/** @returns a sentence where that can't be one head, or not clearly */
export function plainHead(text: string): PlainHead | string {
  if (CONTROL.test(text)) return 'a control character'
  if (LONE.test(text)) return 'a lone CR or LF'
  const lines = text.split('\r\n')
  if (lines.pop() !== '' || lines.pop() !== '') return 'no empty line at the end'
  if (lines.includes('')) return 'an empty line within'
  const [start = '', ...rest] = lines
  const fields = rest.map(plainField)
  if (
    fields.some(({ line, name }) => name === '' || line.search(/[\s"(),/:;<=>?@[\\\]{}]/) !== name.length)
  ) {
    return 'a malformed name'
  }
  return { start: start.split(' '), fields }
}

function plainField(line: string): PlainField {
  const colon = line.indexOf(':')
  const value = line.slice(colon + 1).replaceAll('\t', ' ')
  let [start, end] = [0, value.length]
  while (value[start] === ' ') start++
  while (end > start && value[end - 1] === ' ') end--
  return {
    line,
    name: line.slice(0, Math.max(colon, 0)).toLowerCase(),
    value: line.slice(colon + 1).slice(start, end),
  }
}

export function valuesOf({ fields }: PlainHead, name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value)
}

/** Names that a message says are for one connection only, and those that always are, without some. */
export function hopByHopNames(head: PlainHead): ReadonlySet<string> {
  const named = valuesOf(head, 'connection').flatMap((value) => value.toLowerCase().split(/[\t ]*,[\t ]*/))
  return new Set([
    ...named,
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'upgrade',
    'http2-settings',
  ])
}
