import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { IptablesBackend } from './backend/iptables/iptables-backend.ts'
import { NftablesBackend } from './backend/nftables/nftables-backend.ts'
import type { RuleBackend } from './backend/rule-backend.ts'
import { cleanupNode } from './cleanup.ts'
import { CommandError } from './errors.ts'
import type { Match, Rule } from './model/rule.ts'
import { BridgeDevice } from './node/bridge-device.ts'

const GROUP_ID = 20_008
const OPTIONS = { device: { name: 'edgeway0' } }

/** Rules, sets and devices that are somebody else's; what the backends use anyway is made beforehand. */
const STRANGERS = `
nft add table inet other
nft add chain inet other c '{ type filter hook input priority 0; }'
nft add rule inet other c ip saddr 192.0.2.1 drop
ipset create other hash:ip
for flavour in nft legacy; do for iptables in iptables-$flavour ip6tables-$flavour; do
  $iptables -t nat -N KUBE-SERVICES
  $iptables -t nat -A PREROUTING -j KUBE-SERVICES
  for chain in OUTPUT POSTROUTING; do $iptables -t nat -A $chain -j KUBE-SERVICES; $iptables -t nat -D $chain -j KUBE-SERVICES; done
  for chain in INPUT FORWARD OUTPUT; do $iptables -A $chain -j DROP; $iptables -D $chain -j DROP; done
done; done
ip link add cni0 type bridge
`

/** Everything in the kernel that a backend could make. */
const INVENTORY = `
nft -s list ruleset
ipset save
for iptables in iptables-legacy-save ip6tables-legacy-save; do $iptables | sed '/^#/d; s/ \\[.*//'; done
ip -brief link | awk '{ print $1 }'
`

const RULES: readonly Rule[] = ['10.96.0.1', 'fd00:96::1'].flatMap((ip) => {
  const isIpv6 = ip.includes(':')
  const match = (port: number): Match => ({ kind: 'address', ip, protocol: 'TCP', port })
  const nodePort: Match = {
    kind: 'node-port',
    family: isIpv6 ? 'IPv6' : 'IPv4',
    protocol: 'TCP',
    port: 30_080,
  }
  const listener = { ip: isIpv6 ? 'fd00:e::16' : '169.254.96.16', port: 15_001 }
  const slot = { ip: isIpv6 ? 'fd00:244::7' : '10.244.1.7', port: 80, weight: 1 }
  return [
    { mode: 'AGENT', match: match(80), listener },
    { mode: 'AGENT', match: nodePort, listener },
    { mode: 'REJECT', match: match(81) },
    {
      mode: 'KERNEL',
      match: match(82),
      balance: { kind: 'random' },
      slots: [{ ...slot, path: 'local', masquerade: false }],
      loopback: undefined,
    },
  ]
})

describe('cleanupNode', () => {
  let node: NetworkNamespace
  const run = (command: readonly string[], input = '') => node.exec(command, { input })

  beforeEach(async () => {
    node = await NetworkNamespace.create(`px${uniqueLabId()}-node`)
    await shell(STRANGERS)
  })

  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  async function shell(script: string): Promise<string> {
    const { code, stdout, stderr } = await node.exec(['sh', '-euc', script])
    if (code !== 0) throw new Error(stderr)
    return stdout
  }

  function backends(): readonly RuleBackend[] {
    return [
      new NftablesBackend({ groupId: GROUP_ID, failMode: 'closed' }, run),
      new IptablesBackend({ groupId: GROUP_ID, flavour: 'nft' }, run),
      new IptablesBackend({ groupId: GROUP_ID, flavour: 'legacy' }, run),
    ]
  }

  it('leaves a node as it was, whatever backends have been used', async () => {
    const before = await shell(INVENTORY)
    for (const backend of backends()) {
      expect(await backend.probe()).toMatchObject({ usable: true })
      await backend.apply(RULES)
    }
    // As an agent leaves it that is killed while it tries what works.
    await shell('ipset create EDGEWAY-k3v4-hash hash:ip,port')
    await new BridgeDevice('edgeway0', run).ensure(['169.254.96.16', 'fd00:e::16'])
    expect(await shell(INVENTORY)).not.toBe(before)

    const { done, left } = await cleanupNode(OPTIONS, { run })

    expect(left).toEqual([])
    expect(done).toHaveLength(5)
    expect(await shell(INVENTORY)).toBe(before)
  })

  it('changes nothing on a node where nothing is left', async () => {
    const before = await shell(INVENTORY)

    expect(await cleanupNode(OPTIONS, { run })).toMatchObject({ left: [] })

    expect(await shell(INVENTORY)).toBe(before)
  })

  it('leaves a device with ports alone and says so', async () => {
    await shell('ip link add edgeway0 type bridge; ip link add pod1 master edgeway0 type veth')

    const { left } = await cleanupNode(OPTIONS, { run })

    expect(left).toEqual([expect.stringMatching(/^network device edgeway0: .*has ports: pod1/)])
    expect(await shell(INVENTORY)).toContain('edgeway0')
  })

  it('removes the rest when a part can not be removed, and says what is left', async () => {
    await new BridgeDevice('edgeway0', run).ensure(['169.254.96.16'])

    const { left } = await cleanupNode(OPTIONS, {
      run: async (command, input) => {
        if (command[0] === 'nft') throw new CommandError(command, { reason: 'was killed' })
        return run(command, input)
      },
    })

    expect(left).toEqual([expect.stringMatching(/^rules of nftables: .*was killed/)])
    expect(await shell(INVENTORY)).not.toContain('edgeway0')
  })

  it('does not miss a tool that the node never had', async () => {
    const cause = Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' })
    const missing = (command: readonly string[]) =>
      Promise.reject(new CommandError(command, { reason: "can't be started" }, { cause }))

    const { left } = await cleanupNode(OPTIONS, {
      run: (command, input) => (command[0] === 'nft' ? missing(command) : run(command, input)),
    })

    expect(left).toEqual([])
  })
})
