import { parseRule, type Statement } from './parse-rule.ts'

/** Where a base chain hangs. */
export interface BaseHook {
  readonly type: 'nat' | 'filter'
  readonly hook: Hook
  readonly priority: number
}

export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'

export interface Chain {
  readonly base: BaseHook | undefined
  readonly rules: readonly (readonly Statement[])[]
}

/** A map or a set, with what was loaded into it; in a plain set the values are empty. */
export interface LoadedSet {
  readonly declaration: string
  readonly isDynamic: boolean
  readonly elements: ReadonlyMap<string, string>
}

/** What the kernel has of a table. */
export interface Ruleset {
  readonly chains: ReadonlyMap<string, Chain>
  readonly sets: ReadonlyMap<string, LoadedSet>
}

export const EMPTY_RULESET: Ruleset = { chains: new Map(), sets: new Map() }

interface Draft {
  readonly chains: Map<string, Chain>
  readonly sets: Map<string, LoadedSet>
  /** The chain whose rules come. */
  open: string | undefined
}

const TABLE = 'inet edgeway'

/** Lines of a script outside chains. A script has one rule per line. */
const LINES: readonly (readonly [RegExp, (draft: Draft, groups: readonly string[]) => void])[] = [
  [new RegExp(`^table ${TABLE} \\{$|^ {2}flags owner;$|^\\}$`), () => {}],
  [
    new RegExp(`^delete table ${TABLE}$`),
    (draft) => {
      draft.chains.clear()
      draft.sets.clear()
    },
  ],
  [
    new RegExp(`^flush table ${TABLE}$`),
    ({ chains }) => {
      for (const [name, chain] of chains) chains.set(name, { ...chain, rules: [] })
    },
  ],
  [
    new RegExp(`^flush (?:map|set) ${TABLE} (\\S+)$`),
    ({ sets }, [name = '']) => {
      sets.set(name, { ...known(sets, name), elements: new Map() })
    },
  ],
  [
    new RegExp(`^delete chain ${TABLE} (\\S+)$`),
    ({ chains }, [name = '']) => {
      if (!chains.delete(name)) throw new Error(`there is no chain ${name}`)
    },
  ],
  [/^ {2}(?:map|set) (\S+) \{ (.*) \}$/, declareSet],
  [/^ {2}chain (\S+) \{ (.*)$/, openChain],
  [new RegExp(`^add element ${TABLE} (\\S+) \\{ (.*) \\}$`), addElements],
  [new RegExp(`^delete element ${TABLE} (\\S+) \\{ (.*) \\}$`), deleteElements],
]

/**
 * What a table is after a transaction.
 *
 * @throws {Error} for what nft or the kernel would refuse, and for all that is not known here
 */
export function applyScript({ chains, sets }: Ruleset, script: string): Ruleset {
  const draft: Draft = { chains: new Map(chains), sets: new Map(sets), open: undefined }
  for (const line of script.split('\n')) if (line !== '') applyLine(draft, line)
  return { chains: draft.chains, sets: draft.sets }
}

function applyLine(draft: Draft, line: string): void {
  if (draft.open !== undefined) {
    takeRule(draft, draft.open, line)
    return
  }
  for (const [pattern, apply] of LINES) {
    const [, ...groups] = pattern.exec(line) ?? []
    if (pattern.test(line)) {
      apply(draft, groups)
      return
    }
  }
  throw new SyntaxError(`unknown line of a script: ${line}`)
}

function declareSet({ sets }: Draft, [name = '', declaration = '']: readonly string[]): void {
  const held = sets.get(name)
  if (held !== undefined && held.declaration !== declaration) throw new Error(`${name} is of another kind`)
  const isDynamic = declaration.includes(' flags timeout, dynamic;')
  sets.set(name, held ?? { declaration, isDynamic, elements: new Map() })
}

const BASE = /^type (nat|filter) hook (\w+) priority (-?\d+); policy accept;$/

function openChain(draft: Draft, [name = '', hook = '']: readonly string[]): void {
  const held = draft.chains.get(name)
  draft.chains.set(name, { base: hook === '' ? undefined : parseBase(hook), rules: held?.rules ?? [] })
  draft.open = name
}

function parseBase(text: string): BaseHook {
  const [, type, hook, priority] = BASE.exec(text) ?? []
  if (!isHook(hook) || (type !== 'nat' && type !== 'filter')) throw new SyntaxError(`unknown hook: ${text}`)
  return { type, hook, priority: Number(priority) }
}

function isHook(text: string | undefined): text is Hook {
  return ['prerouting', 'input', 'forward', 'output', 'postrouting'].some((hook) => hook === text)
}

function takeRule(draft: Draft, name: string, line: string): void {
  if (line === '  }') {
    draft.open = undefined
    return
  }
  const chain = known(draft.chains, name)
  draft.chains.set(name, { ...chain, rules: [...chain.rules, parseRule(line)] })
}

function addElements({ sets }: Draft, [name = '', list = '']: readonly string[]): void {
  const set = known(sets, name)
  const elements = new Map(set.elements)
  for (const element of list.split(', ')) {
    const [key = '', value = ''] = element.split(' : ')
    if ((elements.get(key) ?? value) !== value) throw new Error(`${name} has another value for ${key}`)
    elements.set(key, value)
  }
  sets.set(name, { ...set, elements })
}

function deleteElements({ sets }: Draft, [name = '', list = '']: readonly string[]): void {
  const set = known(sets, name)
  const elements = new Map(set.elements)
  for (const key of list.split(', '))
    if (!elements.delete(key)) throw new Error(`${name} has no element ${key}`)
  sets.set(name, { ...set, elements })
}

/** @throws {Error} when there is none of that name */
export function known<T>(things: ReadonlyMap<string, T>, name: string): T {
  const found = things.get(name)
  if (found === undefined) throw new Error(`the ruleset has no ${name}`)
  return found
}
