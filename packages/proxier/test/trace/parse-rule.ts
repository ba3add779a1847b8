/** What a rule reads of a packet, of its connection, or draws. Named as nft names it. */
export type Expression =
  | { readonly kind: 'field'; readonly field: Field }
  | { readonly kind: 'numgen'; readonly modulus: number }
  | { readonly kind: 'jhash'; readonly field: Field; readonly modulus: number; readonly seed: string }

const FIELDS = [
  'ip saddr',
  'ip daddr',
  'ip6 saddr',
  'ip6 daddr',
  'th dport',
  'tcp dport',
  'udp dport',
  'meta l4proto',
  'meta nfproto',
  'meta skgid',
  'iifname',
  'fib daddr type',
  'ct state',
  'ct status',
  'ct original ip saddr',
  'ct original ip daddr',
  'ct original ip6 saddr',
  'ct original ip6 daddr',
  'ct original proto-dst',
] as const

export type Field = (typeof FIELDS)[number]

/** Parts of a concatenation. */
export type Key = readonly Expression[]

/** One step of a rule. The next is taken only if this one matches. */
export type Statement =
  | { readonly kind: 'match'; readonly field: Field; readonly value: string; readonly isNegated: boolean }
  | { readonly kind: 'member'; readonly key: Key; readonly set: string }
  | { readonly kind: 'vmap'; readonly key: Key; readonly map: string }
  | {
      readonly kind: 'dnat'
      readonly family: 'ip' | 'ip6'
      readonly to: Key
      readonly map: string | undefined
    }
  | {
      readonly kind: 'update'
      readonly set: string
      readonly key: Key
      readonly seconds: number
      readonly value: Key | undefined
    }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'reject'; readonly answer: 'reset' | 'unreachable' }
  | { readonly kind: 'return' | 'masquerade' }

/** @throws {SyntaxError} for anything that the tracer does not know: it must never pass by leaving out */
export function parseRule(text: string): readonly Statement[] {
  const tokens = new Tokens(text)
  const statements: Statement[] = []
  while (!tokens.isAtEnd) statements.push(parseStatement(tokens))
  return statements
}

class Tokens {
  readonly #text: string
  #rest: readonly string[]

  constructor(text: string) {
    this.#text = text
    this.#rest = text.split(/\s+/).filter((token) => token !== '')
  }

  get isAtEnd(): boolean {
    return this.#rest.length === 0
  }

  /** Takes the words if they come next. */
  takes(words: string): boolean {
    const wanted = words.split(' ')
    if (wanted.some((word, i) => this.#rest[i] !== word)) return false
    this.#rest = this.#rest.slice(wanted.length)
    return true
  }

  /** @throws {SyntaxError} when something else comes */
  expect(words: string): void {
    if (!this.takes(words)) this.fail(`expected "${words}"`)
  }

  /** @returns the part that the pattern's first group finds in the next token */
  next(pattern: RegExp): string {
    const found = pattern.exec(this.#rest[0] ?? '')?.[1]
    if (found === undefined) return this.fail(`expected ${pattern}`)
    this.#rest = this.#rest.slice(1)
    return found
  }

  sees(pattern: RegExp): boolean {
    return pattern.test(this.#rest[0] ?? '')
  }

  fail(reason: string): never {
    throw new SyntaxError(`${reason} before "${this.#rest.join(' ')}" in the rule "${this.#text}"`)
  }
}

const NAME = /^([\w-]+)$/
const SET = /^@([\w-]+)$/
const NUMBER = /^(\d+)$/
const SECONDS = /^(\d+)s$/
const VALUE = /^([\w.:/]+)$/

/** Statements that are told by their first words. */
const PARSERS: Readonly<Record<string, (tokens: Tokens) => Statement>> = {
  jump: (tokens) => ({ kind: 'jump', chain: tokens.next(NAME) }),
  goto: (tokens) => ({ kind: 'goto', chain: tokens.next(NAME) }),
  return: () => ({ kind: 'return' }),
  masquerade: () => ({ kind: 'masquerade' }),
  'reject with tcp reset': () => ({ kind: 'reject', answer: 'reset' }),
  'reject with icmpx port-unreachable': () => ({ kind: 'reject', answer: 'unreachable' }),
  'dnat ip to': (tokens) => parseDnat('ip', tokens),
  'dnat ip6 to': (tokens) => parseDnat('ip6', tokens),
  update: parseUpdate,
  'ct status & dnat == 0': () => ({ kind: 'match', field: 'ct status', value: 'dnat', isNegated: true }),
}

function parseStatement(tokens: Tokens): Statement {
  for (const [words, parse] of Object.entries(PARSERS)) if (tokens.takes(words)) return parse(tokens)
  return parseMatch(tokens)
}

/** A key that is looked up, or a single field that is compared. */
function parseMatch(tokens: Tokens): Statement {
  const key = parseKey(tokens)
  if (tokens.takes('vmap')) return { kind: 'vmap', key, map: tokens.next(SET) }
  if (tokens.sees(SET)) return { kind: 'member', key, set: tokens.next(SET) }
  const [first] = key
  if (key.length !== 1 || first?.kind !== 'field') return tokens.fail('expected a set')
  return { kind: 'match', field: first.field, value: tokens.next(VALUE), isNegated: false }
}

function parseDnat(family: 'ip' | 'ip6', tokens: Tokens): Statement {
  const to = parseKey(tokens)
  return { kind: 'dnat', family, to, map: tokens.takes('map') ? tokens.next(SET) : undefined }
}

function parseUpdate(tokens: Tokens): Statement {
  const set = tokens.next(SET)
  tokens.expect('{')
  const key = parseKey(tokens)
  tokens.expect('timeout')
  const seconds = Number(tokens.next(SECONDS))
  const value = tokens.takes(':') ? parseKey(tokens) : undefined
  tokens.expect('}')
  return { kind: 'update', set, key, seconds, value }
}

function parseKey(tokens: Tokens): Key {
  const key = [parseExpression(tokens)]
  while (tokens.takes('.')) key.push(parseExpression(tokens))
  return key
}

function parseExpression(tokens: Tokens): Expression {
  if (tokens.takes('numgen random mod')) return { kind: 'numgen', modulus: Number(tokens.next(NUMBER)) }
  if (!tokens.takes('jhash')) return { kind: 'field', field: parseField(tokens) }
  const field = parseField(tokens)
  tokens.expect('mod')
  const modulus = Number(tokens.next(NUMBER))
  tokens.expect('seed')
  return { kind: 'jhash', field, modulus, seed: tokens.next(VALUE) }
}

function parseField(tokens: Tokens): Field {
  return FIELDS.find((field) => tokens.takes(field)) ?? tokens.fail('unknown statement')
}
