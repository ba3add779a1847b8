import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BridgeNetfilterState } from './bridge-netfilter.ts'

const FAMILIES = [
  { family: 'IPv4', nft: 'ip', sysctl: 'bridge-nf-call-iptables', vip: '10.96.0.1', server: '10.244.1.3' },
  {
    family: 'IPv6',
    nft: 'ip6',
    sysctl: 'bridge-nf-call-ip6tables',
    vip: 'fd00:96::1',
    server: 'fd00:244:1::3',
  },
] as const

const NODE_SETUP = `
ip link add cni0 type bridge
ip address add 10.244.1.1/24 dev cni0
ip address add fd00:244:1::1/64 dev cni0 nodad
ip link set cni0 up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
`

const SERVER = `require('node:net').createServer((client) => client.end('served'))
  .listen(80, '::', () => console.log('listening'))`

/** Writes what the server says, or nothing. */
const CLIENT = `require('node:net').connect(80, process.argv[1]).pipe(process.stdout)
setTimeout(() => process.exit(), 1000)`

describe.each(FAMILIES)('BridgeNetfilter with $family', ({ family, nft, sysctl, vip, server }) => {
  let node: NetworkNamespace
  let client: NetworkNamespace
  let stack: AsyncDisposableStack

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    const id = `px${uniqueLabId()}`
    node = stack.use(await NetworkNamespace.create(`${id}-node`))
    client = stack.use(await NetworkNamespace.create(`${id}-pod2`))
    const other = stack.use(await NetworkNamespace.create(`${id}-pod3`))
    await shell(node, NODE_SETUP)
    await addPod(client, 2)
    await addPod(other, 3)
    await other.spawn([process.execPath, '-e', SERVER]).waitForOutput(/listening/)
  })

  afterEach(async () => {
    await stack.disposeAsync()
  })

  async function shell(where: NetworkNamespace, script: string): Promise<void> {
    const { code, stderr } = await where.exec(['sh', '-euc', script])
    if (code !== 0) throw new Error(stderr)
  }

  async function addPod(pod: NetworkNamespace, number: number): Promise<void> {
    await shell(node, `ip link add pod${number} up master cni0 type veth peer name eth0 netns ${pod.name}`)
    await shell(
      pod,
      `ip address add 10.244.1.${number}/24 dev eth0
       ip address add fd00:244:1::${number}/64 dev eth0 nodad
       ip link set eth0 up
       ip route add default via 10.244.1.1
       ip -6 route add default via fd00:244:1::1`,
    )
  }

  /** Sends connections for the Service to the server, which is on the client's bridge. */
  async function translate({ masquerade }: { readonly masquerade: boolean }): Promise<void> {
    await shell(
      node,
      `nft -f - <<'END'
table inet t {
  chain pre {
    type nat hook prerouting priority -105
    ${nft} daddr ${vip} dnat ${nft} to ${server}
  }
  chain post {
    type nat hook postrouting priority 95
    ${masquerade ? 'ct status dnat masquerade' : ''}
  }
}
END`,
    )
  }

  async function call(): Promise<string> {
    return (await client.exec([process.execPath, '-e', CLIENT, vip])).stdout
  }

  /** As a process on the node finds it. */
  async function ensure(before = ''): Promise<BridgeNetfilterState> {
    const module = new URL('bridge-netfilter.ts', import.meta.url)
    const script = `
      import { BridgeNetfilter } from '${module}'
      const netfilter = new BridgeNetfilter({ nodeDevice: 'edgeway0' })
      console.log(JSON.stringify(await netfilter.ensure('${family}')))`
    const run = `${before} exec ${process.execPath} --input-type=module -e "$0"`
    const { stdout, stderr } = await node.exec(['sh', '-euc', run, script])
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout)
  }

  it('makes a Service reachable whose pod is beside its client', async () => {
    await translate({ masquerade: false })
    expect(await call()).toBe('')

    expect(await ensure()).toEqual({ state: 'set' })

    expect(await call()).toBe('served')
    expect(await ensure()).toEqual({ state: 'on' })
  })

  it('is not needed where such connections are masqueraded', async () => {
    await translate({ masquerade: true })

    expect(await call()).toBe('served')
  })

  it('says why it can not be switched on', async () => {
    const readOnly = 'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys;'

    expect(await ensure(readOnly)).toMatchObject({
      state: 'off',
      reason: expect.stringMatching(new RegExp(`net.bridge.${sysctl} .*EROFS.*initContainer`)),
    })
  })

  it('leaves the sysctl alone on a node without pods on a bridge', async () => {
    await shell(node, 'ip link delete pod2; ip link delete pod3')

    expect(await ensure()).toEqual({ state: 'not needed' })
  })
})
