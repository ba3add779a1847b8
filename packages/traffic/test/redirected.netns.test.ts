import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { expect, it } from 'vitest'

const CALLS = fileURLToPath(new URL('redirected-calls.ts', import.meta.url))

/** The address of the listener, the prefix of ClusterIPs, and the words that ip and nft have for the family. */
const FAMILIES = [
  {
    family: 'IPv4',
    node: '169.254.96.16',
    clusterIps: '10.96.0.',
    range: '10.96.0.0/24',
    loopback: '127.0.0.1',
    nft: 'ip',
  },
  {
    family: 'IPv6',
    node: 'fd00:e::16',
    clusterIps: 'fd00:96::',
    range: 'fd00:96::/112',
    loopback: '::1',
    nft: 'ip6',
  },
]

it.each(FAMILIES)(
  'finds the ServicePort of connections that the kernel redirects over $family',
  async (family) => {
    await using namespace = await NetworkNamespace.create(`tr${uniqueLabId()}`)
    await prepare(namespace, family)

    const { node, clusterIps, loopback } = family
    const run = await namespace.exec([process.execPath, CALLS, node, clusterIps, loopback])

    expect(run).toMatchObject({ code: 0 })
    expect(JSON.parse(run.stdout)).toEqual({
      calls: {
        web: '1048576 bytes',
        half: '1048576 bytes',
        empty: 'ECONNRESET',
        nobody: 'ECONNRESET',
        direct: 'ECONNRESET',
      },
      flows: [
        'shop/web:http completed',
        'shop/half:http completed',
        'shop/empty:http no-endpoint',
        '- not-redirected',
        '- not-redirected',
      ],
      timeouts: 1,
    })
  },
)

/** ClusterIPs are redirected to the listener as the proxier does it; port 9 of loopback swallows connections. */
async function prepare(namespace: NetworkNamespace, family: (typeof FAMILIES)[number]): Promise<void> {
  const { node, range, loopback, nft } = family
  const target = nft === 'ip' ? `${node}:15001` : `[${node}]:15001`
  const rules = `
    table inet test {
      chain to-agent { type nat hook output priority -105; ${nft} daddr ${range} meta l4proto tcp dnat ${nft} to ${target}; }
      chain black-hole { type filter hook input priority 0; ${nft} daddr ${loopback} tcp dport 9 drop; }
    }`
  const commands: readonly (readonly [string[], string])[] = [
    [['ip', 'address', 'add', node, 'dev', 'lo'], ''],
    [['ip', 'route', 'add', range, 'dev', 'lo'], ''],
    [['nft', '-f', '-'], rules],
  ]
  for (const [command, input] of commands) {
    expect(await namespace.exec(command, { input })).toMatchObject({ code: 0, stderr: '' })
  }
}
