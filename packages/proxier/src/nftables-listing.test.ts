import { describe, expect, it } from 'vitest'
import { parseListing } from './nftables-listing.ts'

/** As nft 1.0.6 writes it, shortened. */
function listing(elements: { agent4?: unknown; reject4?: unknown }, handle = 7): string {
  return JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      { table: { family: 'inet', name: 'edgeway', handle: 11 } },
      {
        map: {
          family: 'inet',
          name: 'agent4',
          handle: 8,
          ...(elements.agent4 ? { elem: elements.agent4 } : {}),
        },
      },
      {
        set: {
          family: 'inet',
          name: 'reject4',
          handle: 9,
          ...(elements.reject4 ? { elem: elements.reject4 } : {}),
        },
      },
      { chain: { family: 'inet', table: 'edgeway', name: 'services', handle } },
    ],
  })
}

const AGENT = [[{ concat: ['10.96.0.1', 6, 80] }, { concat: ['169.254.96.16', 15_001] }]]
const REJECT = [{ concat: ['10.96.0.2', 17, 53] }]

describe('parseListing', () => {
  it('reads the elements of maps and sets', () => {
    expect(parseListing(listing({ agent4: AGENT, reject4: REJECT })).elements).toEqual({
      agent4: new Map([['10.96.0.1 . 6 . 80', '169.254.96.16 . 15001']]),
      agent6: new Map(),
      reject4: new Map([['10.96.0.2 . 17 . 53', '']]),
      reject6: new Map(),
    })
  })

  it('reads IPv6 addresses that nft writes with dots in their canonical form', () => {
    const { elements } = parseListing(listing({ reject4: [{ concat: ['::ffff:10.96.0.1', 6, 80] }] }))

    expect([...elements.reject4.keys()]).toEqual(['::ffff:a60:1 . 6 . 80'])
  })

  it('has the same structure whatever the elements', () => {
    expect(parseListing(listing({ agent4: AGENT })).structure).toBe(parseListing(listing({})).structure)
  })

  it('has another structure when something was made anew', () => {
    expect(parseListing(listing({}, 12)).structure).not.toBe(parseListing(listing({})).structure)
  })

  it('reads elements that are none of ours as they are', () => {
    const { elements } = parseListing(listing({ reject4: ['10.96.0.2', { range: [1, 2] }] }))

    expect([...elements.reject4.keys()]).toEqual(['"10.96.0.2"', '{"range":[1,2]}'])
  })

  it('names the chains', () => {
    expect(parseListing(listing({})).chains).toEqual(['services'])
  })

  it('throws on what is no listing', () => {
    expect(() => parseListing('{}')).toThrow(TypeError)
    expect(() => parseListing('')).toThrow(SyntaxError)
  })
})
