import { describe, expect, it } from 'vitest'
import { elementsOf, renderCleanup, renderLoad, renderUpdate } from './nftables-ruleset.ts'
import type { Rule } from './rules.ts'

const LISTENER = { ip: '169.254.96.16', port: 15_001 }
const AGENT: Rule = { mode: 'AGENT', ip: '10.96.0.1', protocol: 'TCP', port: 80, listener: LISTENER }
const AGENT_6: Rule = { ...AGENT, ip: 'fd00:96::1', listener: { ip: 'fd00:e::16', port: 15_001 } }
const REJECT: Rule = { mode: 'REJECT', ip: '10.96.0.2', protocol: 'UDP', port: 53 }
const REJECT_6: Rule = { mode: 'REJECT', ip: 'fd00:96::2', protocol: 'TCP', port: 80 }

describe('elementsOf', () => {
  it('sorts rules into the sets by mode and address family', () => {
    expect(elementsOf([AGENT, AGENT_6, REJECT, REJECT_6])).toEqual({
      agent4: new Map([['10.96.0.1 . tcp . 80', '169.254.96.16 . 15001']]),
      agent6: new Map([['fd00:96::1 . tcp . 80', 'fd00:e::16 . 15001']]),
      reject4: new Map([['10.96.0.2 . udp . 53', '']]),
      reject6: new Map([['fd00:96::2 . tcp . 80', '']]),
    })
  })
})

describe('renderLoad', () => {
  it('replaces the table in one transaction', () => {
    const text = renderLoad(elementsOf([]), 4_242)

    expect(text.split('\n').slice(0, 3)).toEqual([
      'table inet edgeway',
      'delete table inet edgeway',
      'table inet edgeway {',
    ])
  })

  it('fills the sets that have elements and only declares the others', () => {
    const text = renderLoad(elementsOf([AGENT, REJECT, { ...REJECT, port: 54 }]), 4_242)

    expect(text.match(/elements = .*/g)).toEqual([
      'elements = { 10.96.0.1 . tcp . 80 : 169.254.96.16 . 15001 }',
      'elements = { 10.96.0.2 . udp . 53, 10.96.0.2 . udp . 54 }',
    ])
  })

  it('exempts the group before anything else in every output chain', () => {
    const text = renderLoad(elementsOf([]), 4_242)

    expect(text.match(/hook output .*\n.*/g)).toEqual([
      'hook output priority -105; policy accept;\n    meta skgid 4242 return',
      'hook output priority -5; policy accept;\n    meta skgid 4242 return',
    ])
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
      'delete element inet edgeway agent6 { fd00:96::1 . tcp . 80 }\n' +
        'add element inet edgeway reject6 { fd00:96::2 . tcp . 80 }\n',
    )
  })

  it('replaces an element whose listener moved', () => {
    const moved: Rule = { ...AGENT, listener: { ...LISTENER, port: 15_002 } }

    expect(renderUpdate(elementsOf([AGENT]), elementsOf([moved]))).toBe(
      'delete element inet edgeway agent4 { 10.96.0.1 . tcp . 80 }\n' +
        'add element inet edgeway agent4 { 10.96.0.1 . tcp . 80 : 169.254.96.16 . 15002 }\n',
    )
  })
})

describe('renderCleanup', () => {
  it('names the table before it deletes it, so that a missing one is no error', () => {
    expect(renderCleanup()).toBe('table inet edgeway\ndelete table inet edgeway\n')
  })
})
