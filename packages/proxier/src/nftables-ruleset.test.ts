import { describe, expect, it } from 'vitest'
import {
  elementsOf,
  nftChains,
  renderCleanup,
  renderRefill,
  renderReplacement,
  renderUpdate,
} from './nftables-ruleset.ts'
import type { Rule } from './rules.ts'

const LISTENER = { ip: '169.254.96.16', port: 15_001 }
const AGENT: Rule = { mode: 'AGENT', ip: '10.96.0.1', protocol: 'TCP', port: 80, listener: LISTENER }
const AGENT_6: Rule = { ...AGENT, ip: 'fd00:96::1', listener: { ip: 'fd00:e::16', port: 15_001 } }
const REJECT: Rule = { mode: 'REJECT', ip: '10.96.0.2', protocol: 'UDP', port: 53 }
const REJECT_6: Rule = { mode: 'REJECT', ip: 'fd00:96::2', protocol: 'TCP', port: 80 }

describe('elementsOf', () => {
  it('sorts rules into the sets by mode and address family', () => {
    expect(elementsOf([AGENT, AGENT_6, REJECT, REJECT_6])).toEqual({
      agent4: new Map([['10.96.0.1 . 6 . 80', '169.254.96.16 . 15001']]),
      agent6: new Map([['fd00:96::1 . 6 . 80', 'fd00:e::16 . 15001']]),
      reject4: new Map([['10.96.0.2 . 17 . 53', '']]),
      reject6: new Map([['fd00:96::2 . 6 . 80', '']]),
    })
  })
})

describe('renderReplacement', () => {
  it('removes the table and makes it again in one transaction', () => {
    const text = renderReplacement(elementsOf([]), 4_242)

    expect(text.split('\n').slice(0, 3)).toEqual([
      'table inet edgeway',
      'delete table inet edgeway',
      'table inet edgeway {',
    ])
    for (const chain of nftChains()) expect(text).toContain(`chain ${chain} {`)
  })

  it('adds the elements, and none to a set that has none', () => {
    const text = renderReplacement(elementsOf([AGENT, REJECT, { ...REJECT, port: 54 }]), 4_242)

    expect(text.match(/add element .*/g)).toEqual([
      'add element inet edgeway agent4 { 10.96.0.1 . 6 . 80 : 169.254.96.16 . 15001 }',
      'add element inet edgeway reject4 { 10.96.0.2 . 17 . 53, 10.96.0.2 . 17 . 54 }',
    ])
  })

  it('exempts the group before anything else in each chain of an output hook', () => {
    const text = renderReplacement(elementsOf([]), 4_242)
    const hooked = [...text.matchAll(/chain (\S+) { type .* hook output/g)].map(([, chain]) => chain)

    expect(hooked).toEqual(['nat-output', 'filter-output'])
    for (const chain of hooked) expect(text).toContain(`chain ${chain} {\n    meta skgid 4242 return\n`)
  })
})

describe('renderRefill', () => {
  it('empties what may be there before it adds, and deletes nothing', () => {
    const lines = renderRefill(elementsOf([AGENT]), 4_242).split('\n')

    expect(lines.slice(0, 5)).toEqual([
      'flush table inet edgeway',
      'flush map inet edgeway agent4',
      'flush map inet edgeway agent6',
      'flush set inet edgeway reject4',
      'flush set inet edgeway reject6',
    ])
    expect(lines.filter((line) => line.startsWith('add element'))).toHaveLength(1)
    expect(lines.join()).not.toContain('delete')
  })
})

describe('renderUpdate', () => {
  it('is empty when nothing differs', () => {
    expect(renderUpdate(elementsOf([AGENT, REJECT]), elementsOf([REJECT, AGENT]))).toBe('')
  })

  it('removes what is gone and adds what is new, nothing else', () => {
    const before = elementsOf([AGENT, AGENT_6, REJECT])
    const after = elementsOf([AGENT, REJECT, REJECT_6])

    expect(renderUpdate(before, after)).toBe(
      'delete element inet edgeway agent6 { fd00:96::1 . 6 . 80 }\n' +
        'add element inet edgeway reject6 { fd00:96::2 . 6 . 80 }\n',
    )
  })

  it('replaces an element whose listener moved', () => {
    const moved: Rule = { ...AGENT, listener: { ...LISTENER, port: 15_002 } }

    expect(renderUpdate(elementsOf([AGENT]), elementsOf([moved]))).toBe(
      'delete element inet edgeway agent4 { 10.96.0.1 . 6 . 80 }\n' +
        'add element inet edgeway agent4 { 10.96.0.1 . 6 . 80 : 169.254.96.16 . 15002 }\n',
    )
  })
})

describe('renderCleanup', () => {
  it('names the table before it deletes it, so that a missing one is no error', () => {
    expect(renderCleanup()).toBe('table inet edgeway\ndelete table inet edgeway\n')
  })
})
