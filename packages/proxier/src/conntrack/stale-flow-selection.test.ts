import { describe, expect, it } from 'vitest'
import type { KernelSlot, Match, Rule, RuleChange } from '../model/rule.ts'
import type { TrackedFlow } from './flow-listing.ts'
import { ChangeIndex, changesWithStaleFlows, selectStaleFlows } from './stale-flow-selection.ts'

const OWN_ADDRESSES = ['127.0.0.1', '192.168.1.2', '::1', 'fd00:1::2']
const VIP: Match = { kind: 'address', ip: '10.96.0.1', protocol: 'UDP', port: 53 }
const NODE_PORT: Match = { kind: 'node-port', family: 'IPv4', protocol: 'UDP', port: 30053 }

function kernel(match: Match, ips: readonly string[], loopback?: { ip: string; port: number }): Rule {
  const slots = ips.map((ip): KernelSlot => ({ ip, port: 5353, weight: 1, path: 'local', masquerade: false }))
  return { mode: 'KERNEL', match, balance: { kind: 'random' }, slots, loopback }
}

function agent(match: Match): Rule {
  return { mode: 'AGENT', match, listener: { ip: '169.254.96.16', port: 15001 } }
}

/** A flow to the first address, answered by the second one. */
function flow(to: string, by: string, protocol: 'TCP' | 'UDP' = 'UDP'): TrackedFlow {
  const [destination, replySource] = [end(to), end(by)]
  return { protocol, family: to.startsWith('[') ? 'IPv6' : 'IPv4', destination, replySource }
}

function end(text: string): { ip: string; port: number } {
  const at = text.lastIndexOf(':')
  return { ip: text.slice(0, at).replace(/[[\]]/g, ''), port: Number(text.slice(at + 1)) }
}

function isStale(one: TrackedFlow, ...changes: readonly RuleChange[]): boolean {
  return selectStaleFlows([one], new ChangeIndex(changes, OWN_ADDRESSES)).length > 0
}

describe('a UDP flow', () => {
  const change = {
    previous: kernel(VIP, ['10.244.1.7', '10.244.1.8']),
    current: kernel(VIP, ['10.244.1.8', '10.244.1.9']),
  }

  it.each([
    { by: '10.244.1.7:5353', stale: true, what: 'an endpoint that went' },
    { by: '10.244.1.8:5353', stale: false, what: 'an endpoint that stays' },
    { by: '10.244.1.8:5354', stale: true, what: 'another port of an endpoint that stays' },
    { by: '10.96.0.1:53', stale: true, what: 'nobody, as before there was a rule' },
    { by: '172.16.0.1:53', stale: true, what: 'where another proxy sent it' },
  ])('that goes to $what is stale: $stale', ({ by, stale }) => {
    expect(isStale(flow('10.96.0.1:53', by), change)).toBe(stale)
  })

  it.each([
    flow('10.96.0.2:53', '10.244.1.7:5353'),
    flow('10.96.0.1:54', '10.244.1.7:5353'),
    flow('10.96.0.1:53', '10.244.1.7:5353', 'TCP'),
  ])('of another ServicePort is never stale', (other) => {
    expect(isStale(other, change)).toBe(false)
  })

  it('is stale when the listener that it goes to is another one than that of now', () => {
    const handedOver = { previous: kernel(VIP, ['10.244.1.7']), current: agent(VIP) }

    expect(isStale(flow('10.96.0.1:53', '10.244.1.7:5353'), handedOver)).toBe(true)
    expect(isStale(flow('10.96.0.1:53', '169.254.96.16:15001'), handedOver)).toBe(false)
  })

  it('is stale when the node has begun to answer itself, or no longer does', () => {
    const node: Rule = { mode: 'NODE', match: VIP, listener: { ip: '169.254.96.16', port: 53 } }
    const toPod = flow('10.96.0.1:53', '10.244.1.7:5353')
    const toAgent = flow('10.96.0.1:53', '169.254.96.16:15001')
    const toNode = flow('10.96.0.1:53', '169.254.96.16:53')

    for (const former of [kernel(VIP, ['10.244.1.7']), agent(VIP)]) {
      const begun = { previous: former, current: node }
      expect([toPod, toAgent, toNode].map((one) => isStale(one, begun))).toEqual([true, true, false])
      expect(isStale(toNode, { previous: node, current: former })).toBe(true)
    }
    expect(isStale(toNode, { previous: node, current: undefined })).toBe(true)
  })

  it('is stale wherever it goes once it is to be refused', () => {
    const refused: RuleChange = { previous: change.previous, current: { mode: 'REJECT', match: VIP } }

    expect(isStale(flow('10.96.0.1:53', '10.244.1.8:5353'), refused)).toBe(true)
  })

  it('is stale without a rule only when the former rule made it', () => {
    const gone = { previous: change.previous, current: undefined }

    expect(isStale(flow('10.96.0.1:53', '10.244.1.7:5353'), gone)).toBe(true)
    expect(isStale(flow('10.96.0.1:53', '172.16.0.1:53'), gone)).toBe(false)
    expect(isStale(flow('10.96.0.1:53', '10.96.0.1:53'), gone)).toBe(false)
  })

  it('is listed once, however many clients there are', () => {
    const flows = [flow('10.96.0.1:53', '10.244.1.7:5353'), flow('10.96.0.1:53', '10.244.1.7:5353')]

    expect(selectStaleFlows(flows, new ChangeIndex([change], OWN_ADDRESSES))).toHaveLength(1)
  })
})

describe('a UDP flow for a node port', () => {
  const loopback = { ip: '169.254.96.16', port: 20053 }
  const change = {
    previous: kernel(NODE_PORT, ['10.244.1.7'], loopback),
    current: kernel(NODE_PORT, ['10.244.1.8'], loopback),
  }

  it('is one to an address of this node', () => {
    expect(isStale(flow('192.168.1.2:30053', '10.244.1.7:5353'), change)).toBe(true)
    expect(isStale(flow('192.168.1.3:30053', '10.244.1.7:5353'), change)).toBe(false)
  })

  it('of one family is not stale for a change of the other', () => {
    expect(isStale(flow('[fd00:1::2]:30053', '[fd00::7]:5353'), change)).toBe(false)
  })

  it('goes from any loopback address to the listener for those', () => {
    expect(isStale(flow('127.0.0.53:30053', '169.254.96.16:20053'), change)).toBe(false)
    expect(isStale(flow('127.0.0.1:30053', '10.244.1.8:5353'), change)).toBe(true)
    expect(isStale(flow('192.168.1.2:30053', '169.254.96.16:20053'), change)).toBe(true)
  })

  it('from a loopback address that no rule touches is left alone', () => {
    const none = { previous: undefined, current: kernel(NODE_PORT, ['10.244.1.8']) }

    expect(isStale(flow('127.0.0.1:30053', '127.0.0.1:30053'), none)).toBe(false)
    expect(isStale(flow('192.168.1.2:30053', '192.168.1.2:30053'), none)).toBe(true)
  })

  it('follows the rule for its very address, where there is one', () => {
    const external: Match = { kind: 'address', ip: '192.168.1.2', protocol: 'UDP', port: 30053 }
    const exact = { previous: undefined, current: kernel(external, ['10.244.1.7']) }

    expect(isStale(flow('192.168.1.2:30053', '10.244.1.7:5353'), change, exact)).toBe(false)
  })
})

describe('a TCP connection without an answer', () => {
  const match: Match = { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 }
  const waiting = flow('10.96.0.1:80', '10.96.0.1:80', 'TCP')

  it('is stale when it left before there was a rule', () => {
    expect(isStale(waiting, { previous: undefined, current: agent(match) })).toBe(true)
  })

  it('is not stale when it was translated, by whomever', () => {
    const translated = flow('10.96.0.1:80', '10.244.1.7:80', 'TCP')

    expect(isStale(translated, { previous: undefined, current: agent(match) })).toBe(false)
  })

  it('is not stale when its rule only changed or went', () => {
    expect(isStale(waiting, { previous: { mode: 'REJECT', match }, current: agent(match) })).toBe(false)
    expect(isStale(waiting, { previous: agent(match), current: undefined })).toBe(false)
  })
})

describe('changesWithStaleFlows', () => {
  it('asks for nothing when only TCP rules changed or went', () => {
    const match: Match = { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 }
    const isNew = { previous: undefined, current: agent(match) }
    const udp = { previous: agent(VIP), current: undefined }
    const others = [
      { previous: agent(match), current: kernel(match, ['10.244.1.7']) },
      { previous: agent(match), current: undefined },
    ]

    expect(changesWithStaleFlows([...others, isNew, udp])).toEqual([isNew, udp])
  })
})
