import { type Chains, TABLES, type TableName } from './fixed-chains.ts'
import { OUR_PREFIX } from './names.ts'

/** A rule outside our chains that leads into them. */
export interface Reference {
  readonly chain: string
  /** From 1. */
  readonly position: number
  /** Without `-A chain`. */
  readonly line: string
}

/** What is ours in one table. */
export interface OurTable {
  readonly chains: Chains
  readonly references: readonly Reference[]
}

/** What is ours, of one family. */
export type OurTables = ReadonlyMap<TableName, OurTable>

const LEADS_TO_US = new RegExp(`(?:^| )-[jg] ${OUR_PREFIX}`)
const QUOTED = /"[^"]*"/g
const RULE = /^-A (\S+) (.*)$/

/** Reads what is ours from what `iptables-save` prints. */
export function parseSaved(saved: string): OurTables {
  const tables = new Map<TableName, OurTable>()
  for (const section of saved.split(/^\*/m)) {
    const [name, ...lines] = section.split('\n')
    const table = TABLES.find((candidate) => candidate === name)
    if (table !== undefined) tables.set(table, new SavedTable(lines))
  }
  return tables
}

/**
 * Text by chain, to compare with another time's: that of our chains, and of all others together what leads to ours.
 * Keys are `table` or `table chain`.
 */
export function fingerprintOf(tables: OurTables): ReadonlyMap<string, string> {
  const prints = new Map<string, string>()
  for (const [name, { chains, references }] of tables) {
    prints.set(name, references.map(({ chain, position, line }) => `${chain} ${position} ${line}`).join('\n'))
    for (const [chain, lines] of chains) prints.set(`${name} ${chain}`, lines.join('\n'))
  }
  return prints
}

class SavedTable implements OurTable {
  readonly chains = new Map<string, string[]>()
  readonly references: Reference[] = []
  readonly #lengths = new Map<string, number>()

  constructor(lines: readonly string[]) {
    for (const line of lines) this.#read(line)
  }

  #read(line: string): void {
    if (line.startsWith(`:${OUR_PREFIX}`)) this.chains.set(line.slice(1).split(' ', 1).join(), [])
    const [, chain, rule] = RULE.exec(line) ?? []
    if (chain === undefined || rule === undefined) return
    const own = this.chains.get(chain)
    if (own !== undefined) own.push(rule)
    else this.#readForeign(chain, rule)
  }

  #readForeign(chain: string, line: string): void {
    const position = (this.#lengths.get(chain) ?? 0) + 1
    this.#lengths.set(chain, position)
    if (LEADS_TO_US.test(line.replaceAll(QUOTED, ''))) this.references.push({ chain, position, line })
  }
}
