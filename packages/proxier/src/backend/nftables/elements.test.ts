import { describe, expect, it } from 'vitest'
import type { KernelRule, KernelSlot, Rule } from '../../model/rule.ts'
import { changedElements, countShared, elementsOf } from './elements.ts'
import { ALL_FEATURES } from './layout.ts'

const LISTENER = { ip: '169.254.96.16', port: 15_001 }

function slot(ip: string, rest: Partial<KernelSlot> = {}): KernelSlot {
  return { ip, port: 8_080, weight: 1, path: 'routed', masquerade: false, ...rest }
}

function kernel(slots: readonly KernelSlot[], rest: Partial<KernelRule> = {}): KernelRule {
  const match = { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 } as const
  return { mode: 'KERNEL', match, balance: { kind: 'random' }, slots, loopback: undefined, ...rest }
}

function plain(elements: ReturnType<typeof elementsOf>): Record<string, Record<string, string>> {
  return Object.fromEntries(
    [...elements].filter(([, held]) => held.size > 0).map(([set, held]) => [set, Object.fromEntries(held)]),
  )
}

describe('elementsOf', () => {
  it('sorts rules by mode, kind of match and family', () => {
    const rules: Rule[] = [
      {
        mode: 'AGENT',
        match: { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 },
        listener: LISTENER,
      },
      {
        mode: 'NODE',
        match: { kind: 'node-port', family: 'IPv4', protocol: 'UDP', port: 53 },
        listener: LISTENER,
      },
      { mode: 'REJECT', match: { kind: 'address', ip: 'fd00:96::1', protocol: 'TCP', port: 80 } },
      { mode: 'REJECT', match: { kind: 'node-port', family: 'IPv6', protocol: 'TCP', port: 80 } },
    ]

    expect(plain(elementsOf(rules, ALL_FEATURES))).toEqual({
      agent4: { '10.96.0.1 . 6 . 80': '169.254.96.16 . 15001' },
      'port-agent4': { '17 . 53': '169.254.96.16 . 15001' },
      reject6: { 'fd00:96::1 . 6 . 80': '' },
      'port-reject6': { '6 . 80': '' },
    })
  })

  it('gives each slot its place, and says which pairs are masqueraded', () => {
    const slots = [slot('10.1.0.1', { path: 'local' }), slot('10.1.0.2', { masquerade: true })]

    expect(plain(elementsOf([kernel(slots)], ALL_FEATURES))).toEqual({
      kernel4: { '10.96.0.1 . 6 . 80': 'goto random-2' },
      'slots4-tcp': {
        '10.96.0.1 . 6 . 80 . 0': '10.1.0.1 . 8080',
        '10.96.0.1 . 6 . 80 . 1': '10.1.0.2 . 8080',
      },
      hairpin4: { '10.1.0.1 . 10.1.0.1': '' },
      masquerade4: { '10.96.0.1 . 6 . 80 . 10.1.0.2 . 8080': '' },
    })
  })

  it('has the kernel learn for IPv4, and compute for IPv6', () => {
    const balance = { kind: 'client-ip', timeoutSeconds: 90 } as const
    const match = { kind: 'address', ip: 'fd00:96::1', protocol: 'TCP', port: 80 } as const

    const elements = elementsOf(
      [kernel([slot('10.1.0.1')], { balance }), kernel([slot('fd01::1')], { balance, match })],
      ALL_FEATURES,
    )

    expect(plain(elements)).toMatchObject({
      kernel4: { '10.96.0.1 . 6 . 80': 'goto client-ip-1' },
      sticky4: { '10.96.0.1 . 6 . 80': 'jump learn-90' },
      kernel6: { 'fd00:96::1 . 6 . 80': 'goto source-ip-hash-251' },
    })
  })

  it('leaves out what the node has no family for', () => {
    const rule: Rule = {
      mode: 'REJECT',
      match: { kind: 'address', ip: 'fd00:96::1', protocol: 'TCP', port: 80 },
    }

    expect(plain(elementsOf([rule], { ...ALL_FEATURES, families: ['IPv4'] }))).toEqual({})
  })
})

describe('changedElements', () => {
  const [local, other] = [slot('10.1.0.1', { path: 'local' }), slot('10.1.0.2')]
  const second: KernelRule['match'] = { kind: 'address', ip: '10.96.0.2', protocol: 'TCP', port: 80 }

  it('names only what differs', () => {
    const [previous, current] = [kernel([other, slot('10.1.0.3')]), kernel([other, slot('10.1.0.4')])]

    const { removed, added } = changedElements(
      [{ previous, current }],
      ALL_FEATURES,
      countShared([previous], ALL_FEATURES),
    )

    expect(plain(removed)).toEqual({ 'slots4-tcp': { '10.96.0.1 . 6 . 80 . 1': '10.1.0.3 . 8080' } })
    expect(plain(added)).toEqual({ 'slots4-tcp': { '10.96.0.1 . 6 . 80 . 1': '10.1.0.4 . 8080' } })
  })

  it('removes what several rules want only when the last of them goes', () => {
    const [one, two] = [kernel([local]), kernel([local], { match: second })]
    const counts = countShared([one, two], ALL_FEATURES)
    const remove = (previous: Rule): unknown =>
      plain(changedElements([{ previous, current: undefined }], ALL_FEATURES, counts).removed)['hairpin4']

    expect(remove(one)).toBeUndefined()
    expect(remove(two)).toEqual({ '10.1.0.1 . 10.1.0.1': '' })
  })

  it('keeps what moves from one rule to another in one update', () => {
    const [one, two] = [kernel([local]), kernel([local], { match: second })]
    const changes = [
      { previous: one, current: undefined },
      { previous: undefined, current: two },
    ]

    const { removed, added } = changedElements(changes, ALL_FEATURES, countShared([one], ALL_FEATURES))

    expect([removed.get('hairpin4'), added.get('hairpin4')]).toEqual([undefined, undefined])
  })
})
