/** What a client sends on one connection, and what may come of it. */
export interface HostileRequest {
  /** `family/short name`. */
  readonly name: string
  /** What is wrong or odd about it, in one sentence. */
  readonly flaw: string
  /** Latin-1, one character for a byte. Sent piece by piece. */
  readonly pieces: readonly string[]
  /** How many requests an endpoint may be told of: at least and at most. */
  readonly out: readonly [least: number, most: number]
  /** It stops in the midst of a message, so the client ends its half of the connection. */
  readonly isCut: boolean
  /** The first bytes are not those of HTTP: a connection of its own carries them as they are. */
  readonly isForeign: boolean
}

/** What a family says of each of its requests; the rest is by default. */
export interface Flaw {
  readonly name: string
  readonly flaw: string
  readonly text: string
  readonly pieces?: readonly string[]
  readonly out?: readonly [least: number, most: number]
  readonly isCut?: boolean
  readonly isForeign?: boolean
}

/** Nothing may reach an endpoint. */
export const REFUSED = [0, 0] as const

/** What an attacker wants to be taken for a request of its own. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n'

const HOST = 'Host: shop.example'

/** @param unless - given otherwise, nothing of them may reach an endpoint, they are whole and look like HTTP */
export function family(name: string, flaws: readonly Flaw[]): HostileRequest[] {
  return flaws.map(({ name: own, text, pieces, ...rest }) => ({
    out: REFUSED,
    isCut: false,
    isForeign: false,
    ...rest,
    name: `${name}/${own}`,
    pieces: pieces ?? [text],
  }))
}

/** A POST with those lines after its Host, each without its end, and what follows the head. */
export function post(lines: readonly string[], rest = ''): string {
  return message('POST /first HTTP/1.1', [HOST, ...lines], rest)
}

/** A GET with those lines after its Host, and what follows the head. */
export function get(lines: readonly string[], rest = ''): string {
  return message('GET /first HTTP/1.1', [HOST, ...lines], rest)
}

export function message(requestLine: string, lines: readonly string[], rest = ''): string {
  return [requestLine, ...lines, '', rest].join('\r\n')
}

/** The text as one chunk, with the last chunk after it. */
export function chunked(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
}

/** A name for what can't be seen, e.g. `Transfer-Encoding:\x0bchunked`. */
export function visible(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\x7f-\xff]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)
}
