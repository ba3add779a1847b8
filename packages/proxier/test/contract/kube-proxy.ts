import assert from 'node:assert/strict'
import { IP_FAMILIES, type IpFamily } from '@edgeway/core'
import type { RuleBackend } from '../../src/backend/rule-backend.ts'
import type { Rule } from '../../src/model/rule.ts'
import { ADDRESSES, clusterIp } from '../lab/topology.ts'
import type { NodeLab } from '../node-lab.ts'
import { atNodePort, BOTH, expectAtService, expectEach, words } from './ask.ts'
import { KINDS, nodePort, refused, SPOKEN, service, toAgent, toPods } from './rules.ts'
import {
  type Case,
  KUBE_PROXY_SHAPES,
  type KubeProxyShape,
  type RuleBackendTraits,
  type RuleBackendUnderTest,
} from './under-test.ts'

const OURS = [1, 2, 3] as const
const THEIRS = 9

/** Beside kube-proxy, whose rules are for the same Services as ours and for another one. */
export function kubeProxyCases({ noMatchFor = [], repairedAfter = [] }: RuleBackendTraits): Case[] {
  return KUBE_PROXY_SHAPES.filter((shape) => !noMatchFor.includes(shape)).flatMap((shape): Case[] => [
    [`wins over rules of kube-proxy's ${shape} mode that were there before`, winsOverEarlier(shape)],
    repairedAfter.includes(shape)
      ? [`wins again over rules of kube-proxy's ${shape} mode that came first later`, winsAgainOver(shape)]
      : [`wins over rules of kube-proxy's ${shape} mode that are added later`, winsOverLater(shape)],
  ])
}

function winsOverEarlier(shape: KubeProxyShape): Case[1] {
  return async ({ lab, create }: RuleBackendUnderTest) => {
    await lab.shell(kubeProxyRules(shape))
    await expectAtService(lab, 1, { end: 'kube-proxy' })
    const before = await lab.shell(theirRules(shape))
    const backend = create()
    await backend.apply(ourRules())
    await expectOursAndTheirs(lab)
    assert.equal(await lab.shell(theirRules(shape)), before)
    await expectTheirsAfter(lab, backend)
    assert.equal(await lab.shell(theirRules(shape)), before)
  }
}

function winsOverLater(shape: KubeProxyShape): Case[1] {
  return async ({ lab, create }: RuleBackendUnderTest) => {
    const backend = create()
    await backend.apply(ourRules())
    await lab.shell(kubeProxyRules(shape))
    await expectOursAndTheirs(lab)
    assert.equal(await backend.verify(ourRules()), 'intact')
    await expectTheirsAfter(lab, backend)
  }
}

function winsAgainOver(shape: KubeProxyShape): Case[1] {
  return async ({ lab, create }: RuleBackendUnderTest) => {
    const backend = create()
    await backend.apply(ourRules())
    await lab.shell(kubeProxyRules(shape))
    const before = await lab.shell(theirRules(shape))
    assert.equal(await backend.verify(ourRules()), 'drifted')
    await backend.apply(ourRules())
    assert.equal(await backend.verify(ourRules()), 'intact')
    await expectOursAndTheirs(lab)
    assert.equal(await lab.shell(theirRules(shape)), before)
    await expectTheirsAfter(lab, backend)
  }
}

function ourRules(): Rule[] {
  return KINDS.flatMap((kind) => [
    toAgent(service(1, kind)),
    toPods(service(2, kind), ['remotePod']),
    refused(service(3, kind)),
    toAgent(nodePort(kind)),
  ])
}

async function expectOursAndTheirs(lab: NodeLab): Promise<void> {
  await expectAtService(lab, 1, { end: 'agent' })
  await expectAtService(lab, 2, { end: SPOKEN.remotePod })
  await expectAtService(lab, 3, { end: 'ECONNREFUSED' })
  await expectAtService(lab, THEIRS, { end: 'kube-proxy' })
  await expectEach([...BOTH, 'outside'], KINDS, async (caller, kind) => {
    assert.deepEqual(await lab.ask(caller, atNodePort(kind)), { agent: 1 }, words(caller, kind))
  })
}

async function expectTheirsAfter(lab: NodeLab, backend: RuleBackend): Promise<void> {
  await backend.cleanup()
  for (const number of [...OURS, THEIRS]) await expectAtService(lab, number, { end: 'kube-proxy' })
}

/** Shell commands that bring in what kube-proxy makes of four Services with one endpoint in two slots. */
function kubeProxyRules(shape: KubeProxyShape): string {
  if (shape === 'nftables') return IP_FAMILIES.map(nftablesShape).join('')
  const flavour = shape === 'iptables-nft' ? 'nft' : 'legacy'
  return IP_FAMILIES.map((family) => iptablesShape(family, flavour)).join('')
}

function theirRules(shape: KubeProxyShape): string {
  if (shape === 'nftables') return 'nft list table ip kube-proxy; nft list table ip6 kube-proxy'
  const saves = ['iptables', 'ip6tables'].map((tool) => `${tool}${shape.slice('iptables'.length)}-save`)
  return saves.map((save) => `${save} | grep KUBE`).join('\n')
}

function nftablesShape(family: IpFamily): string {
  const [ip, type] = family === 'IPv4' ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr']
  const endpoint = endpointText(family)
  const elements = [...OURS, THEIRS].flatMap((number) =>
    ['tcp', 'udp'].map(
      (protocol) => `${clusterIp(number, family)} . ${protocol} . 80 : goto service-${protocol}`,
    ),
  )
  const chains = ['tcp', 'udp'].map(
    (protocol) => `
  chain endpoint-${protocol} { meta l4proto ${protocol} dnat to ${endpoint}; }
  chain service-${protocol} { numgen random mod 2 vmap { 0 : goto endpoint-${protocol}, 1 : goto endpoint-${protocol} }; }`,
  )
  return `nft -f - <<'END'
table ${ip} kube-proxy {${chains.join('')}
  map service-ips { type ${type} . inet_proto . inet_service : verdict; elements = { ${elements.join(', ')} }; }
  map service-nodeports { type inet_proto . inet_service : verdict; elements = { tcp . 30080 : goto service-tcp, udp . 30080 : goto service-udp }; }
  chain services {
    ${ip} daddr . meta l4proto . th dport vmap @service-ips
    fib daddr type local meta l4proto . th dport vmap @service-nodeports
  }
  chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
}
END
`
}

function iptablesShape(family: IpFamily, flavour: 'nft' | 'legacy'): string {
  const tool = family === 'IPv4' ? 'iptables' : 'ip6tables'
  const endpoint = endpointText(family)
  const chains = ['TCP', 'UDP'].map(
    (protocol) => `:KUBE-SVC-${protocol} - [0:0]
:KUBE-SEP-${protocol} - [0:0]
-A KUBE-SVC-${protocol} -m statistic --mode random --probability 0.5 -j KUBE-SEP-${protocol}
-A KUBE-SVC-${protocol} -j KUBE-SEP-${protocol}
-A KUBE-SEP-${protocol} -p ${protocol.toLowerCase()} -j DNAT --to-destination ${endpoint}
-A KUBE-NODEPORTS -p ${protocol.toLowerCase()} --dport 30080 -j KUBE-SVC-${protocol}`,
  )
  const services = [...OURS, THEIRS].flatMap((number) =>
    ['TCP', 'UDP'].map((protocol) => {
      const to = `-d ${clusterIp(number, family)} -p ${protocol.toLowerCase()} --dport 80`
      return `-A KUBE-SERVICES ${to} -j KUBE-SVC-${protocol}`
    }),
  )
  return `${tool}-${flavour}-restore -w --noflush <<'END'
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
${[...chains, ...services].join('\n')}
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-I PREROUTING 1 -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-I OUTPUT 1 -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
COMMIT
END
`
}

function endpointText(family: IpFamily): string {
  const ip = ADDRESSES.secondPod[family]
  return family === 'IPv4' ? `${ip}:9999` : `[${ip}]:9999`
}
