/** What an endpoint answers a request with, and what the client may be told. */
export interface HostileResponse {
  readonly name: string
  /** What is wrong or odd about it, in one sentence. */
  readonly flaw: string
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** Lines of the request, an empty one, and the beginning of its body, which never ends; the endpoint does not wait for it. */
  readonly upload: string
  /** Latin-1, one character for a byte. */
  readonly text: string
  /** The endpoint ends its half of the connection after that. */
  readonly ends: boolean
  /** What the endpoint says later, once the client has its answer; '' for nothing. */
  readonly later: string
  /** What the endpoint says once another request comes on that connection, before it answers that; '' for nothing. */
  readonly owed: string
  /**
   * What becomes of it at the client: an error of ours in its place; itself, whole; itself, cut; or what a proxy may choose
   * of these.
   */
  readonly fate: 'refused' | 'passed' | 'cut' | 'any'
}

/** What an attacker wants to be taken for the response to somebody else's request. */
export const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL'

export interface ResponseFlaw extends Partial<Omit<HostileResponse, 'name' | 'flaw' | 'text'>> {
  readonly name: string
  readonly flaw: string
  readonly text: string
}

/** @param flaws - of a GET, on a connection that stays open, to be refused, unless said otherwise */
export function responseFamily(family: string, flaws: readonly ResponseFlaw[]): HostileResponse[] {
  return flaws.map(({ name, ...rest }) => ({
    method: 'GET',
    upload: '',
    ends: false,
    later: '',
    owed: '',
    fate: 'refused',
    ...rest,
    name: `${family}/${name}`,
  }))
}

/** A 200 with those lines, each without its end, and what follows the head. */
export function ok(lines: readonly string[], rest: string): string {
  return response('HTTP/1.1 200 OK', lines, rest)
}

export function response(statusLine: string, lines: readonly string[], rest: string): string {
  return [statusLine, ...lines, '', rest].join('\r\n')
}

export const HELLO = ok(['Content-Length: 5'], 'hello')
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
