import { chainsOf, learnChainsOf } from './chains.ts'
import type { ElementChanges, NftElements } from './elements.ts'
import { type LayoutOptions, NFT_TABLE, type NftChain, setsOf } from './layout.ts'

/** What a load gives a table. */
export interface Contents {
  readonly elements: NftElements
  /** Of the `client-ip` Rules, each once. */
  readonly affinitySeconds: ReadonlySet<number>
}

/**
 * One transaction that makes the table, in place of one of any layout if there is one. There a packet may slip between
 * the old chains and the new: prefer `renderRefill` for a table that is declared as ours.
 */
export function renderReplacement(contents: Contents, options: LayoutOptions, isThere: boolean): string {
  return (isThere ? `delete table ${NFT_TABLE}\n` : '') + renderTable(contents, options)
}

/**
 * One transaction that gives a table of our layout its policies, rules and elements, whatever it had: each packet meets
 * the old or the new, never none. What the kernel has learnt stays.
 *
 * @param learning - names of the chains that it has for learning
 */
export function renderRefill(
  contents: Contents,
  options: LayoutOptions,
  learning: readonly string[],
): string {
  const loaded = setsOf(options.features).filter(({ isLearnt }) => !isLearnt)
  const flushes = loaded.map(({ kind, name }) => `flush ${kind} ${NFT_TABLE} ${name}\n`)
  const kept = new Set(learnChains(contents.affinitySeconds).map(({ name }) => name))
  const gone = learning.filter((name) => !kept.has(name))
  const deletions = gone.map((name) => `delete chain ${NFT_TABLE} ${name}\n`)
  return `flush table ${NFT_TABLE}\n${flushes.join('')}${deletions.join('')}${renderTable(contents, options)}`
}

/**
 * One transaction that changes elements of a loaded table: each packet finds either the old or the new, never none.
 *
 * @param newSeconds - timeouts that there are no chains for yet
 * @returns the empty string when nothing is to change
 */
export function renderUpdate({ removed, added }: ElementChanges, newSeconds: ReadonlySet<number>): string {
  const chains = learnChains(newSeconds)
  const table = chains.length === 0 ? '' : `table ${NFT_TABLE} {\n${renderChains(chains)}}\n`
  return table + renderElements('delete', removed) + renderElements('add', added)
}

/** A fragment of a script: elements of one verb, those of maps with their values when they are added. */
export function renderElements(verb: 'add' | 'delete', elements: NftElements): string {
  let script = ''
  for (const [set, held] of elements) {
    if (held.size === 0) continue
    const texts: string[] = []
    for (const [key, value] of held) texts.push(value === '' || verb === 'delete' ? key : `${key} : ${value}`)
    script += `${verb} element ${NFT_TABLE} ${set} { ${texts.join(', ')} }\n`
  }
  return script
}

function learnChains(seconds: ReadonlySet<number>): readonly NftChain[] {
  return [...seconds].flatMap(learnChainsOf)
}

/**
 * For what is there already, this brings the policies of the chains back and a dormant table to life; nft refuses it
 * where something of the same name is of another kind.
 */
function renderTable({ elements, affinitySeconds }: Contents, options: LayoutOptions): string {
  const flags = options.isOwned ? '  flags owner;\n' : ''
  const sets = setsOf(options.features).map(
    ({ kind, name, declaration }) => `  ${kind} ${name} { ${declaration} }\n`,
  )
  const chains = renderChains([...chainsOf(options), ...learnChains(affinitySeconds)])
  const table = `table ${NFT_TABLE} {\n${flags}${sets.join('')}${chains}}\n`
  return table + renderElements('add', elements)
}

function renderChains(chains: readonly NftChain[]): string {
  return chains
    .map(
      ({ name, hook = '', rules }) =>
        `  chain ${name} { ${hook}\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`,
    )
    .join('')
}
