import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeProxyFinding } from './kube-proxy.ts'

/** What the kubelet alone leaves, now and in the past, and a name that only begins alike. */
const KUBELET = [
  'KUBE-KUBELET-CANARY',
  'KUBE-FIREWALL',
  'KUBE-MARK-DROP',
  'KUBE-MARK-MASQ',
  'KUBE-POSTROUTING',
  'KUBE-SERVICES-OF-OTHERS',
]

describe('findKubeProxy', () => {
  let node: NetworkNamespace

  beforeEach(async () => {
    node = await NetworkNamespace.create(`px${uniqueLabId()}-node`)
  })

  afterEach(async () => {
    await node[Symbol.asyncDispose]()
  })

  async function shell(script: string): Promise<string> {
    const { code, stdout, stderr } = await node.exec(['sh', '-euc', script])
    if (code !== 0) throw new Error(stderr)
    return stdout
  }

  /** As a process on the node finds it, which has only some of the commands. */
  async function find(without = '/$'): Promise<KubeProxyFinding> {
    const folder = new URL('.', import.meta.url)
    const script = `
      import { findKubeProxy } from '${new URL('kube-proxy.ts', folder)}'
      import { runCommand } from '${new URL('../command/run-command.ts', folder)}'
      const run = async (command) => {
        if (command[0].match(process.argv[1])) throw new Error('no such command')
        return runCommand(command)
      }
      console.log(JSON.stringify(await findKubeProxy({ run })))`
    const { stdout, stderr } = await node.exec([
      process.execPath,
      '--input-type=module',
      '-e',
      script,
      without,
    ])
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout)
  }

  const SHAPES = [
    {
      shape: 'an nftables table',
      setup: 'nft add table ip kube-proxy; nft add chain ip kube-proxy services',
      evidence: 'nftables table ip kube-proxy',
    },
    {
      shape: 'an nftables table of IPv6',
      setup: 'nft add table ip6 kube-proxy; nft add chain ip6 kube-proxy services',
      evidence: 'nftables table ip6 kube-proxy',
    },
    {
      shape: 'chains of iptables-nft',
      setup: 'iptables-nft -t nat -N KUBE-SERVICES',
      evidence: 'chain KUBE-SERVICES in nftables table ip nat',
    },
    {
      shape: 'chains of ip6tables-nft',
      setup: 'ip6tables-nft -t nat -N KUBE-NODEPORTS',
      evidence: 'chain KUBE-NODEPORTS in nftables table ip6 nat',
    },
    {
      shape: 'chains of iptables-legacy',
      setup: 'iptables-legacy -t nat -N KUBE-SERVICES',
      evidence: 'chain KUBE-SERVICES by iptables-legacy-save -t nat',
    },
    {
      shape: 'chains of ip6tables-legacy',
      setup: 'ip6tables-legacy -t nat -N KUBE-SERVICES',
      evidence: 'chain KUBE-SERVICES by ip6tables-legacy-save -t nat',
    },
    {
      shape: 'the device of IPVS',
      setup: 'ip link add kube-ipvs0 type bridge',
      evidence: 'network device kube-ipvs0',
    },
  ]

  it.each(SHAPES)('finds $shape', async ({ setup, evidence }) => {
    await shell(setup)

    expect(await find()).toEqual({ found: true, evidence })
  })

  it('finds chains of iptables-nft where there is no nft', async () => {
    await shell('iptables-nft -t nat -N KUBE-SERVICES')

    expect(await find('^nft$')).toEqual({
      found: true,
      evidence: 'chain KUBE-SERVICES by iptables-nft-save -t nat',
    })
  })

  it('finds nothing by a way that has no tool', async () => {
    await shell('iptables-legacy -t nat -N KUBE-SERVICES')

    expect(await find('legacy')).toMatchObject({ found: false })
  })

  it.each(['iptables-nft', 'iptables-legacy'])(
    'does not take the chains of a kubelet in %s for it',
    async (iptables) => {
      await shell(KUBELET.map((chain) => `${iptables} -t nat -N ${chain}`).join('\n'))
      await shell(`${iptables} -t filter -N KUBE-SERVICES`)

      expect(await find()).toMatchObject({ found: false })
    },
  )

  it('makes no table by looking', async () => {
    const tables = 'nft list tables; cat /proc/net/ip_tables_names /proc/net/ip6_tables_names'

    expect(await find()).toMatchObject({ found: false })
    expect(await find('^nft$')).toMatchObject({ found: false })
    expect(await shell(tables)).toBe('')
  })
})
