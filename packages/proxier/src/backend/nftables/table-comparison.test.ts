import { describe, expect, it } from 'vitest'
import { CommandError } from '../../errors.ts'
import { parseListing } from './listing.ts'
import type { Nft } from './nft.ts'
import { compareTable, type ExpectedTable } from './table-comparison.ts'

const SET = { family: 'inet', table: 'edgeway', name: 'reject4' }
const CHAIN = { family: 'inet', table: 'edgeway', name: 'services' }
const TERSE = listing([{ set: SET }, { chain: CHAIN }])
const WHOLE = listing([{ set: { ...SET, elem: [{ concat: ['10.96.0.1', 6, 80] }] } }, { chain: CHAIN }])
const EXPECTED: ExpectedTable = {
  structure: parseListing(TERSE)?.structure ?? new Map(),
  elements: new Map([['reject4', new Map([['10.96.0.1 . 6 . 80', '']])]]),
  learnt: new Set(),
}

describe('compareTable', () => {
  it('finds the same', async () => {
    expect(await compareTable(nft({ whole: WHOLE }), EXPECTED)).toBe('same')
  })

  it('finds what is missing, after a second look', async () => {
    const looks: string[] = []
    expect(await compareTable(nft({ whole: TERSE }, looks), EXPECTED)).toBe('different')
    expect(looks).toEqual(['table inet edgeway', 'table inet edgeway'])
    expect(await compareTable(nft({ whole: undefined }), EXPECTED)).toBe('different')
  })

  it('takes what it missed at the first look for a listing that was not whole', async () => {
    const texts = [TERSE, WHOLE]
    const changing: Nft = { ...nft({}), list: async () => texts.shift() }

    expect(await compareTable(changing, EXPECTED)).toBe('same')
  })

  it('goes by the chains where the elements can not be listed in time', async () => {
    const late = new CommandError(['nft'], { reason: 'was killed' })

    expect(await compareTable(nft({ whole: late, terse: TERSE }), EXPECTED)).toBe('same structure')
    const others = listing([{ set: SET }])
    expect(await compareTable(nft({ whole: late, terse: others }), EXPECTED)).toBe('different')
    expect(await compareTable(nft({ whole: late, terse: undefined }), EXPECTED)).toBe('different')
  })

  it('says so when nothing can be listed at all', async () => {
    const missing = new CommandError(['nft'], { reason: 'is not installed' })

    await expect(compareTable(nft({ whole: missing, terse: missing }), EXPECTED)).rejects.toThrow(missing)
  })
})

/** What it lists: with elements, without them. */
function nft(
  answers: {
    readonly whole?: string | CommandError | undefined
    readonly terse?: string | CommandError | undefined
  },
  looks: string[] = [],
): Nft {
  return {
    load: async () => {},
    check: async () => {},
    list: async (what, { isTerse = false } = {}) => {
      looks.push(what)
      const answer = isTerse ? answers.terse : answers.whole
      if (answer instanceof Error) throw answer
      return answer
    },
  }
}

function listing(items: readonly object[]): string {
  return JSON.stringify({ nftables: [{ table: { family: 'inet', name: 'edgeway' } }, ...items] })
}
