import { describe, expect, it } from 'vitest'
import type { KernelBalance, KernelRule, KernelSlot, Rule } from '../../model/rule.ts'
import { contributionOf } from './contribution.ts'
import { kernelChain, SetNames, slotChain } from './names.ts'
import { Ruleset } from './ruleset.ts'

const names = new SetNames('EDGEWAY-NFT')
const match = { kind: 'address', ip: '10.96.0.21', protocol: 'TCP', port: 80 } as const
const chain = kernelChain(match)
const slot: KernelSlot = { ip: '10.1.0.1', port: 8080, weight: 1, path: 'routed', masquerade: false }
const second: KernelSlot = { ...slot, ip: '10.1.0.2', weight: 3 }

function kernel(slots: readonly KernelSlot[], balance: KernelBalance = { kind: 'random' }): KernelRule {
  return { mode: 'KERNEL', match, balance, slots, loopback: undefined }
}

function linesOf(rule: Rule, of = chain): string[] {
  return contributionOf(rule, names)
    .lines.filter(([name]) => name === of)
    .map(([, line]) => line)
}

describe('contributionOf', () => {
  it('gives each slot its share of what the slots before have left', () => {
    expect(linesOf(kernel([slot, second]))).toEqual([
      '-p tcp -m statistic --mode random --probability 0.2500000000 -j DNAT --to-destination 10.1.0.1:8080',
      '-p tcp -j DNAT --to-destination 10.1.0.2:8080',
    ])
  })

  it('adds up the weights of one endpoint', () => {
    expect(linesOf(kernel([slot, second, slot]))[0]).toContain('--probability 0.4000000000')
  })

  it('tells sources by their last bits, those of one slot being what is left', () => {
    const lines = linesOf(kernel([slot, second], { kind: 'source-ip-hash' }))
    expect(lines.at(-1)).toBe('-p tcp -j DNAT --to-destination 10.1.0.2:8080')
    const found = /^-p tcp -s 0\.0\.0\.\d+\/0\.0\.0\.31 -j DNAT --to-destination 10\.1\.0\.1:8080$/
    expect(lines.slice(0, -1).filter((line) => !found.test(line))).toEqual([])
    expect(lines.length).toBeGreaterThan(5)
    expect(lines.length).toBeLessThan(12)
  })

  it('asks for the slot that a client had before it chooses one', () => {
    const lines = linesOf(kernel([slot, second], { kind: 'client-ip', timeoutSeconds: 60 }))
    expect(lines.map((line) => /match-set|statistic|^-j/.exec(line)?.[0])).toEqual([
      'match-set',
      'match-set',
      'statistic',
      '-j',
    ])
  })

  it('counts the time that a client is remembered from its last connection', () => {
    const rule = kernel([slot], { kind: 'client-ip', timeoutSeconds: 60 })
    const { name } = names.affinity(match, 'IPv4', '10.1.0.1:8080')
    expect(linesOf(rule, slotChain(match, '10.1.0.1:8080'))).toEqual([
      `-j SET --add-set ${name} src --exist --timeout 60`,
      '-p tcp -j DNAT --to-destination 10.1.0.1:8080',
    ])
  })

  it('masquerades what was sent to this match only', () => {
    const rule = kernel([{ ...slot, masquerade: true }])
    expect(linesOf(rule, 'EDGEWAY-MASQUERADE-1')).toEqual([
      '-d 10.1.0.1 -p tcp --dport 8080 -m conntrack --ctorigdst 10.96.0.21 --ctorigdstport 80 -j MASQUERADE',
    ])
  })

  it.each([
    [undefined, '-d 127.0.0.0/8 -p udp -j RETURN'],
    [{ ip: '169.254.96.16', port: 1 }, '-d 127.0.0.0/8 -p udp -j DNAT --to-destination 169.254.96.16:1'],
  ])('sends a node port at loopback to the listener %j', (loopback, line) => {
    const nodePort = { kind: 'node-port', family: 'IPv4', protocol: 'UDP', port: 30_080 } as const
    expect(linesOf({ ...kernel([slot]), match: nodePort, loopback }, kernelChain(nodePort))[0]).toBe(line)
  })
})

describe('Ruleset', () => {
  const contribution = contributionOf(kernel([{ ...slot, path: 'local' }]), names)

  it('writes no chain and touches no set when a rule comes back as it was', () => {
    const ruleset = new Ruleset([])
    ruleset.add(contribution)
    ruleset.takeDelta()
    ruleset.remove(contribution)
    ruleset.add(contribution)
    const { created, added, written, removedChains, deleted, destroyed } = ruleset.takeDelta()
    expect([...created, ...added, ...deleted, ...destroyed, ...removedChains.IPv4]).toEqual([])
    expect(written.IPv4.size).toBe(0)
  })

  it('removes chains, members and sets with the last rule that needs them', () => {
    const listener = { ip: '169.254.96.16', port: 1 }
    const agent = (port: number): Rule => ({ mode: 'AGENT', match: { ...match, port }, listener })
    const ruleset = new Ruleset([])
    for (const port of [1, 2]) ruleset.add(contributionOf(agent(port), names))
    const { name } = names.listener(match, 'IPv4', listener)
    expect(ruleset.takeDelta().created.map((set) => set.name)).toEqual([name])
    ruleset.remove(contributionOf(agent(1), names))
    expect(ruleset.takeDelta()).toMatchObject({ deleted: [[name, '10.96.0.21,tcp:1']], destroyed: [] })
    ruleset.remove(contributionOf(agent(2), names))
    expect(ruleset.takeDelta()).toMatchObject({
      deleted: [],
      destroyed: [name],
      removedChains: { IPv4: ['EDGEWAY-LISTENERS'] },
    })
  })

  it('empties a lasting chain instead of removing it', () => {
    const ruleset = new Ruleset(['EDGEWAY-KERNEL-5'])
    ruleset.add(contribution)
    expect(ruleset.takeDelta().written.IPv4.get('EDGEWAY-KERNEL-5')).toHaveLength(1)
    ruleset.remove(contribution)
    const { written, removedChains } = ruleset.takeDelta()
    expect(written.IPv4.get('EDGEWAY-KERNEL-5')).toEqual([])
    expect(removedChains.IPv4).toEqual([chain])
  })
})
