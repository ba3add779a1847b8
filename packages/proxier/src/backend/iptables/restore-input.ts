import { type Chains, JUMPS, type TableName } from './fixed-chains.ts'
import type { OurTable } from './saved-rules.ts'

/** What one table gets. */
export interface TableChange {
  /** Chains with their new lines. */
  readonly written: Chains
  readonly removed: readonly string[]
  /** Rules of the kernel's own chains. */
  readonly jumps: readonly string[]
}

/**
 * Input for `iptables-restore --noflush`: the change of each table takes effect as a whole. A chain that is declared
 * is emptied by that.
 */
export function renderTable(table: TableName, { written, removed, jumps }: TableChange): string {
  if (written.size + removed.length + jumps.length === 0) return ''
  const declared = [...written.keys(), ...removed].map((chain) => `:${chain} - [0:0]`)
  const lines = [...written].flatMap(([chain, own]) => own.map((line) => `-A ${chain} ${line}`))
  const gone = removed.map((chain) => `-X ${chain}`)
  return `${[`*${table}`, ...declared, ...jumps, ...lines, ...gone, 'COMMIT'].join('\n')}\n`
}

/** What brings our jumps to the first place of their chains, once; nothing where they are there. */
export function repairJumps(table: TableName, found: OurTable | undefined): string[] {
  const references = found?.references ?? []
  const chains = new Set([
    ...references.map(({ chain }) => chain),
    ...JUMPS.filter((jump) => jump.table === table).map(({ from }) => from),
  ])
  return [...chains].flatMap((chain) => {
    const there = references.filter((reference) => reference.chain === chain)
    const jump = JUMPS.find((candidate) => candidate.table === table && candidate.from === chain)
    const [only] = there
    if (there.length === 1 && only?.position === 1 && only.line === jump?.line) return []
    const inserted = jump === undefined ? [] : [`-I ${chain} 1 ${jump.line}`]
    return [...removeReferences(there), ...inserted]
  })
}

/** What removes rules that lead into our chains. */
export function removeReferences(references: OurTable['references']): string[] {
  return references.map(({ chain, line }) => `-D ${chain} ${line}`)
}
