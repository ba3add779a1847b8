import { describe, expect, it } from 'vitest'
import { haveSameElements, haveSameStructure, parseListing } from './listing.ts'

/** As nft 1.0.6 writes it, shortened. */
function listing(agent4: readonly unknown[] = [], handle = 7): string {
  const ours = { family: 'inet', table: 'edgeway' }
  return JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      { table: { family: 'inet', name: 'edgeway', handle: 11 } },
      { table: { family: 'inet', name: 'foreign', handle: 12 } },
      { map: { ...ours, name: 'agent4', handle: 8, ...(agent4.length > 0 ? { elem: agent4 } : {}) } },
      { chain: { ...ours, name: 'services', handle } },
      { chain: { family: 'inet', table: 'foreign', name: 'input', handle } },
    ],
  })
}

const ENTRY = [{ concat: ['10.96.0.1', 6, 80] }, { concat: ['169.254.96.16', 15_001] }]

function elementsIn(...elements: readonly unknown[]): unknown {
  const found = parseListing(listing(elements))?.elements.get('agent4')
  return found && Object.fromEntries(found)
}

describe('parseListing', () => {
  it('reads endpoints, verdicts and what has a timeout', () => {
    const key = { concat: ['10.96.0.2', 6, 80] }
    expect(elementsIn(ENTRY)).toEqual({ '10.96.0.1 . 6 . 80': '169.254.96.16 . 15001' })
    expect(elementsIn([key, { goto: { target: 'random-3' } }])).toEqual({
      '10.96.0.2 . 6 . 80': 'goto random-3',
    })
    expect(elementsIn([key, { jump: { target: 'learn-9' } }])).toEqual({
      '10.96.0.2 . 6 . 80': 'jump learn-9',
    })
    expect(elementsIn([{ elem: { val: key, timeout: 9, expires: 1 } }, key])).toEqual({
      '10.96.0.2 . 6 . 80': '10.96.0.2 . 6 . 80',
    })
  })

  it('reads IPv6 addresses that nft writes with dots in their canonical form', () => {
    expect(elementsIn({ concat: ['::ffff:10.96.0.1', 6, 80] })).toEqual({ '::ffff:a60:1 . 6 . 80': '' })
  })

  it('has the same structure whatever the elements, another when something was made anew', () => {
    const structureOf = (text: string) => parseListing(text)?.structure ?? expect.fail()
    expect(haveSameStructure(structureOf(listing([ENTRY])), structureOf(listing()))).toBe(true)
    expect(haveSameStructure(structureOf(listing([], 12)), structureOf(listing()))).toBe(false)
  })

  it('counts the flags of the table: in place of a single one nft 1.0.6 writes anything', () => {
    const withFlags = (flags: unknown) =>
      parseListing(listing().replace('"handle":11', `"handle":11,"flags":${JSON.stringify(flags)}`))
        ?.structure ?? expect.fail()
    const none = parseListing(listing())?.structure ?? expect.fail()

    expect(haveSameStructure(withFlags('owner'), withFlags('inet'))).toBe(true)
    expect(haveSameStructure(withFlags('owner'), withFlags(['dormant', 'owner']))).toBe(false)
    expect(haveSameStructure(withFlags('dormant'), none)).toBe(false)
  })

  it('sees nothing of other tables', () => {
    expect(parseListing(listing())?.chains).toEqual(['services'])
    expect(parseListing('{"nftables":[{"table":{"family":"ip","name":"edgeway"}}]}')).toBeUndefined()
  })

  it('throws on what is no listing', () => {
    expect(() => parseListing('{}')).toThrow(TypeError)
    expect(() => parseListing('')).toThrow(SyntaxError)
  })
})

describe('haveSameElements', () => {
  const some = new Map([['agent4', new Map([['a', 'b']])]])

  it('takes a set without elements for one that is not there', () => {
    expect(haveSameElements(some, new Map([...some, ['reject4', new Map()]]))).toBe(true)
  })

  it('sees another value, a missing element and one too many', () => {
    expect(haveSameElements(some, new Map([['agent4', new Map([['a', 'c']])]]))).toBe(false)
    expect(haveSameElements(some, new Map())).toBe(false)
    expect(haveSameElements(new Map(), some)).toBe(false)
  })
})
