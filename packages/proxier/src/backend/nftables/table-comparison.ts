import { CommandError } from '../../errors.ts'
import type { NftElements } from './elements.ts'
import { NFT_TABLE } from './layout.ts'
import { haveSameElements, haveSameStructure, type NftStructure, parseListing } from './listing.ts'
import type { Nft } from './nft.ts'

const TABLE = `table ${NFT_TABLE}`

/** Listed without elements, this is the only thing for which nft 1.0.6 does not ask the kernel for them all the same. */
export const ALL_OF_FAMILY = 'ruleset inet'

/** nft begins a listing anew whenever somebody changed any rules meanwhile: beside a busy one, a long listing never ends. */
const LISTING_TIMEOUT_MS = 3_000

/** While the kernel makes room in a map, its listing may lack elements: what seems to be missing is looked for again. */
const LISTING_ATTEMPTS = 2

/** What the kernel is expected to have. */
export interface ExpectedTable {
  readonly structure: NftStructure
  readonly elements: NftElements
  /** Names of the sets that the kernel fills itself. */
  readonly learnt: ReadonlySet<string>
}

/**
 * Compares the kernel's table with what is expected; `same structure` where its elements could not be listed in time.
 *
 * @throws {CommandError} when the kernel can't be asked at all
 */
export async function compareTable(
  nft: Nft,
  expected: ExpectedTable,
): Promise<'same' | 'same structure' | 'different'> {
  for (let attempt = 1; attempt <= LISTING_ATTEMPTS; attempt++) {
    const isSame = await hasAll(nft, expected)
    if (isSame === true) return 'same'
    if (isSame === undefined) return (await hasStructure(nft, expected)) ? 'same structure' : 'different'
  }
  return 'different'
}

/** @returns `undefined` when it could not be told in time */
async function hasAll(
  nft: Nft,
  { structure, elements, learnt }: ExpectedTable,
): Promise<boolean | undefined> {
  let text: string | undefined
  try {
    text = await nft.list(TABLE, { timeoutMs: LISTING_TIMEOUT_MS })
  } catch (error) {
    if (error instanceof CommandError) return undefined
    throw error
  }
  const found = text === undefined ? undefined : parseListing(text)
  if (found === undefined || !haveSameStructure(found.structure, structure)) return false
  return haveSameElements(new Map([...found.elements].filter(([set]) => !learnt.has(set))), elements)
}

async function hasStructure(nft: Nft, { structure }: ExpectedTable): Promise<boolean> {
  const text = await nft.list(ALL_OF_FAMILY, { isTerse: true })
  const found = text === undefined ? undefined : parseListing(text)
  return found !== undefined && haveSameStructure(found.structure, structure)
}
