import type { SeededRandom } from './random.ts'

type Mutation = (text: string, random: SeededRandom, others: readonly string[]) => string

const MAX_MUTATIONS = 3
const MEAN = [
  '\r',
  '\n',
  '\x00',
  ' ',
  '\t',
  ':',
  '\r\n',
  '\r\n ',
  '\n\n',
  '\r\n\r\n',
  ',',
  ';',
  '\x0b',
  '\x7f',
  '\x85',
  '\xa0',
  '#',
]
const LINES = [
  ...[
    'Content-Length: 5',
    'Content-Length: 0',
    'content-length: 07',
    'Content-Length:+5',
    'Content-Length: 5, 5',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'transfer-encoding:CHUNKED',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding : chunked',
  ],
  ...[
    'Transfer-Encoding: \x0bchunked',
    'Transfer_Encoding: chunked',
    'Host: other.shop',
    'HOST:',
    'Host: a@b',
    'a: b',
    ' folded',
  ],
  ...[
    'Connection: close',
    'Connection: Content-Length',
    'connection: a, x-end, ,close',
    'Connection: TE, Upgrade',
    'TE: gzip, trailers',
  ],
  ...[
    'Upgrade: websocket',
    'Expect: 100-continue',
    'Expect: x',
    'Keep-Alive: max=1',
    'Forwarded: for="x',
    'X-Forwarded-For: ::1',
  ],
]

const MUTATIONS: readonly Mutation[] = [
  function changesByte(text, random) {
    return replaced(text, random, String.fromCharCode(random.below(256)))
  },
  function flipsBit(text, random) {
    const at = random.below(text.length)
    const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(8)))
    return text.slice(0, at) + flipped + text.slice(at + 1)
  },
  function insertsMeanBytes(text, random) {
    const at = random.below(text.length + 1)
    return text.slice(0, at) + random.of(MEAN) + text.slice(at)
  },
  function removesBytes(text, random) {
    const at = random.below(text.length)
    return text.slice(0, at) + text.slice(at + 1 + random.below(3))
  },
  function changesCase(text, random) {
    const [start, end] = span(text, random)
    const part = text.slice(start, end)
    const changed = random.below(2) === 0 ? part.toLowerCase() : part.toUpperCase()
    return text.slice(0, start) + changed + text.slice(end)
  },
  function insertsLine(text, random) {
    const at = lineStart(text, random)
    return `${text.slice(0, at)}${random.of(LINES)}\r\n${text.slice(at)}`
  },
  function insertsSoundLine(text, random) {
    const at = lineStart(text, random)
    return `${text.slice(0, at)}x-${random.below(100)}: ${random.below(1_000)}\r\n${text.slice(at)}`
  },
  function repeatsLine(text, random) {
    const from = lineStart(text, random)
    const line = text.slice(from, text.indexOf('\n', from) + 1)
    const at = lineStart(text, random)
    return text.slice(0, at) + line + text.slice(at)
  },
  function movesLine(text, random) {
    const from = lineStart(text, random)
    const end = text.indexOf('\n', from) + 1
    const line = text.slice(from, end)
    const rest = text.slice(0, from) + text.slice(Math.max(end, from))
    const at = lineStart(rest, random)
    return rest.slice(0, at) + line + rest.slice(at)
  },
  function splices(text, random, others) {
    const other = random.of(others)
    return text.slice(0, lineStart(text, random)) + other.slice(lineStart(other, random))
  },
  function splicesAnywhere(text, random, others) {
    const other = random.of(others)
    return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length))
  },
]

/** One to three mutations of one of the corpus. */
export function mutated(corpus: readonly string[], random: SeededRandom): string {
  let text = random.of(corpus)
  for (let left = 1 + random.below(MAX_MUTATIONS); left > 0; left--) {
    text = random.of(MUTATIONS)(text, random, corpus)
    if (text === '') return text
  }
  return text
}

function replaced(text: string, random: SeededRandom, byte: string): string {
  const at = random.below(text.length)
  return text.slice(0, at) + byte + text.slice(at + 1)
}

function span(text: string, random: SeededRandom): readonly [number, number] {
  const start = random.below(text.length)
  return [start, start + 1 + random.below(12)]
}

/** Index after some line end, or 0 where there is none after a place anywhere. */
function lineStart(text: string, random: SeededRandom): number {
  return text.indexOf('\n', random.below(text.length + 1)) + 1
}
