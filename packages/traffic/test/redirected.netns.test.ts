import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import type { Places } from './redirected-calls.ts'

const CALLS = fileURLToPath(new URL('redirected-calls.ts', import.meta.url))
const LISTENERS = { nodeAddress: '169.254.96.16', nodeAddress6: 'fd00:e::16' }

interface Family {
  readonly family: string
  readonly places: Places
  /** The range of ClusterIPs. */
  readonly range: string
  /** The word that nft has for the family. */
  readonly nft: 'ip' | 'ip6'
}

const FAMILIES: readonly Family[] = [
  {
    family: 'IPv4',
    places: {
      ...LISTENERS,
      listener: LISTENERS.nodeAddress,
      clusterIps: '10.96.0.',
      externalIp: '203.0.113.7',
      host: '192.0.2.7',
      loopback: '127.0.0.1',
    },
    range: '10.96.0.0/24',
    nft: 'ip',
  },
  {
    family: 'IPv6',
    places: {
      ...LISTENERS,
      listener: LISTENERS.nodeAddress6,
      clusterIps: 'fd00:96::',
      externalIp: '2001:db8:1::7',
      host: '2001:db8::7',
      loopback: '::1',
    },
    range: 'fd00:96::/112',
    nft: 'ip6',
  },
]

it.each(FAMILIES)(
  'finds the ServicePort of connections that the kernel redirects over $family, and the policy for them',
  async (family) => {
    await using namespace = await NetworkNamespace.create(`tr${uniqueLabId()}`)
    await prepare(namespace, family)

    const run = await namespace.exec([process.execPath, CALLS, JSON.stringify(family.places)])

    expect(run).toMatchObject({ code: 0 })
    expect(JSON.parse(run.stdout)).toEqual({
      calls: {
        web: '1048576 bytes',
        half: '1048576 bytes',
        empty: 'ECONNRESET',
        nobody: 'ECONNRESET',
        webNodePort: '1048576 bytes',
        webNodePortAtListener: '1048576 bytes',
        awayClusterIp: '1048576 bytes',
        awayExternalIp: 'ECONNRESET',
        awayNodePort: 'ECONNRESET',
        oddNodePort: '1048576 bytes',
        direct: 'ECONNRESET',
      },
      flows: [
        'shop/web:http completed',
        'shop/half:http completed',
        'shop/empty:http no-endpoint',
        '- not-redirected',
        'shop/web:http completed',
        'shop/web:http completed',
        'shop/away:http completed',
        'shop/away:http no-endpoint',
        'shop/away:http no-endpoint',
        'shop/odd:http completed',
        '- not-redirected',
      ],
      timeouts: 1,
    })
  },
)

/**
 * ClusterIPs, an external IP and node ports are redirected to the listener as the proxier does it; port 9 of loopback
 * swallows connections.
 */
async function prepare(namespace: NetworkNamespace, { places, range, nft }: Family): Promise<void> {
  const { listener, externalIp, host, loopback, nodeAddress, nodeAddress6 } = places
  const toAgent = `dnat ${nft} to ${nft === 'ip' ? listener : `[${listener}]`}:15001`
  const rules = `
    table inet test {
      chain to-agent {
        type nat hook output priority -105;
        ${nft} daddr { ${range}, ${externalIp} } meta l4proto tcp ${toAgent};
        meta nfproto ${nft === 'ip' ? 'ipv4' : 'ipv6'} fib daddr type local tcp dport { 15001, 30080, 30081 } ${toAgent};
      }
      chain black-hole { type filter hook input priority 0; ${nft} daddr ${loopback} tcp dport 9 drop; }
    }`
  const addresses = [nodeAddress, nodeAddress6, host]
  const commands: readonly (readonly [string[], string])[] = [
    ...addresses.map((ip): [string[], string] => [['ip', 'address', 'add', ip, 'dev', 'lo'], '']),
    ...[range, externalIp].map((to): [string[], string] => [['ip', 'route', 'add', to, 'dev', 'lo'], '']),
    [['nft', '-f', '-'], rules],
  ]
  for (const [command, input] of commands) {
    expect(await namespace.exec(command, { input })).toMatchObject({ code: 0, stderr: '' })
  }
}
