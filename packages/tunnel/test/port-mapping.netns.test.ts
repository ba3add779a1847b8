import { Lab, type LabHost, type LabProcess, type PortMapper, startPortMapper } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const PROGRAM = new URL('./port-mapping-node.ts', import.meta.url).pathname
const ODD_GATEWAY = new URL('./odd-gateway.ts', import.meta.url).pathname
/** The router of the site. */
const PUBLIC = '45.80.0.101'

const TOPOLOGY = {
  cloud: [{ name: 'visitor' }],
  sites: [
    {
      name: 'a',
      nat: 'symmetric',
      subnet: '192.168.1.0/24',
      nodes: [
        { name: 'edge-1', address: '192.168.1.11' },
        { name: 'edge-2', address: '192.168.1.12' },
      ],
    },
  ],
} as const

let lab: Lab
beforeEach(async () => {
  lab = await Lab.create(TOPOLOGY)
})
afterEach(async () => lab?.[Symbol.asyncDispose]())

interface Timing {
  readonly lifetimeSeconds?: number
  readonly minRenewMs?: number
  readonly retryMs?: number
}

function start(node: string, timing: Timing = {}): LabProcess {
  return lab.node(node).spawn([process.execPath, PROGRAM, JSON.stringify(timing)])
}

/** The line with which it says that it is mapped, for the nth time. */
async function mapped(node: LabProcess, times = 1): Promise<{ ip: string; port: number; protocol: string }> {
  const line = String.raw`"message":"the router maps[^\n]*/ip4/([\d.]+)/tcp/(\d+)","protocol":"([^"]+)"`
  await node.waitForOutput(new RegExp(`(?:${line}[^]*){${times}}`), 20_000)
  const found = [...(await node.output()).matchAll(new RegExp(line, 'g'))][times - 1]
  const [, ip = '', port = '', protocol = ''] = found ?? []
  return { ip, port: Number(port), protocol }
}

async function failure(node: LabProcess): Promise<string> {
  const [, reason = ''] = await node.waitForOutput(/"state":"none",[^\n]*"reason":"([^"]+)"/, 30_000)
  return reason
}

async function fetched(from: LabHost, port: number): Promise<string> {
  const url = `http://${PUBLIC}:${port}/`
  const { stdout } = await from.exec(['curl', '--silent', '--http0.9', '--max-time', '2', url])
  return stdout.trim()
}

describe.each([
  ['nat-pmp', { natPmp: true, upnp: false }],
  ['upnp', { natPmp: false, upnp: true }],
] as const)('a router that speaks %s', (protocol, speaks) => {
  let router: PortMapper
  beforeEach(async () => {
    router = await startPortMapper(lab.router('a'), speaks)
  })

  it('maps a port, by which a host of the internet reaches the node, until the node stops', async () => {
    expect(await fetched(lab.node('visitor'), 20_008)).toBe('')
    const node = start('edge-1')
    expect(await mapped(node)).toEqual({ ip: PUBLIC, port: 20_008, protocol })
    expect(await fetched(lab.node('visitor'), 20_008)).toBe('the node itself')

    node.kill('SIGTERM')
    expect(await node.exited).toEqual({ code: 0, signal: null })
    expect(await router.mappings()).toEqual([])
    expect(await fetched(lab.node('visitor'), 20_008)).toBe('')
  })

  it('gives each of two nodes a port of its own', async () => {
    const first = await mapped(start('edge-1'))
    const second = await mapped(start('edge-2'))
    expect(second.port).not.toBe(first.port)

    expect(await fetched(lab.node('visitor'), first.port)).toBe('the node itself')
    expect(await fetched(lab.node('visitor'), second.port)).toBe('the node itself')
    expect((await router.mappings()).map((mapping) => mapping.replace(/.* /, '')).sort()).toEqual([
      '192.168.1.11:20008',
      '192.168.1.12:20008',
    ])
  })

  it('is asked again at half the life of the mapping', async () => {
    await mapped(start('edge-1', { lifetimeSeconds: 2, minRenewMs: 100 }))
    const asked = { 'nat-pmp': 'port mapping request : 20008->', upnp: 'AddPortMapping: ext port 20008' }
    await router.process.waitForOutput(new RegExp(`(?:${asked[protocol]}[^]*){4}`), 20_000)

    expect(await router.mappings()).toEqual(['20008 -> 192.168.1.11:20008'])
  })

  it('forgets mappings when it restarts: told when it is away, and asked anew', async () => {
    const node = start('edge-1', { retryMs: 300 })
    await mapped(node)
    await router[Symbol.asyncDispose]()
    node.kill('SIGUSR2')
    await node.waitForOutput(/the mapping of a public port to this node is lost/, 20_000)
    const [, addresses] = await node.waitForOutput(/"addresses":(\[\]),"status"/)
    expect(addresses).toBe('[]')

    router = await startPortMapper(lab.router('a'), speaks)
    await mapped(node, 2)
    expect(await fetched(lab.node('visitor'), 20_008)).toBe('the node itself')
  })

  it('is asked anew when it has restarted unnoticed and the node is woken', async () => {
    const node = start('edge-1')
    await mapped(node)
    await router[Symbol.asyncDispose]()
    router = await startPortMapper(lab.router('a'), speaks)
    expect(await router.mappings()).toEqual([])
    node.kill('SIGUSR2')

    await expect.poll(() => router.mappings(), { timeout: 20_000 }).toEqual(['20008 -> 192.168.1.11:20008'])
    expect(await fetched(lab.node('visitor'), 20_008)).toBe('the node itself')
  })
})

describe('a node does without a mapping, and goes on', () => {
  async function oddGateway(manner: string): Promise<LabProcess> {
    const gateway = lab.router('a').spawn([process.execPath, ODD_GATEWAY, manner])
    await gateway.waitForOutput(/ready/)
    return gateway
  }

  async function endsInGoodOrder(node: LabProcess): Promise<void> {
    expect(node.running).toBe(true)
    node.kill('SIGTERM')
    expect(await node.exited).toEqual({ code: 0, signal: null })
    expect(await node.output()).not.toMatch(/Error|Warning/)
  }

  it('when the gateway talks garbage, endless and of foreign places', async () => {
    const gateway = await oddGateway('garbage')
    const node = start('edge-1')

    expect(await failure(node)).toBe('no-answer')
    expect((await gateway.output()).match(/http .*/g)).toEqual(['http /description.xml'])
    await endsInGoodOrder(node)
  })

  it('when the gateway is silent', async () => {
    const rule = 'insert rule ip router input iifname lan udp dport { 1900, 5351 } counter drop'
    await lab.router('a').exec(['nft', rule])
    const node = start('edge-1')

    expect(await failure(node)).toBe('no-answer')
    const { stdout } = await lab.router('a').exec(['nft', 'list', 'chain', 'ip', 'router', 'input'])
    // Four datagrams of NAT-PMP, and three of SSDP where the router is a member of the group.
    expect(Number(/counter packets (\d+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(7)
    await endsInGoodOrder(node)
  })

  it('when nobody listens there', async () => {
    const node = start('edge-1')
    expect(await failure(node)).toBe('no-answer')
    await endsInGoodOrder(node)
  })

  it('when the router is behind a NAT itself', async () => {
    await oddGateway('private')
    const node = start('edge-1')

    expect(await failure(node)).toBe('private-address')
    expect(await node.output()).toContain('100.64.0.7')
    await endsInGoodOrder(node)
  })

  it('when there is no way to the internet', async () => {
    await lab.node('edge-1').exec(['ip', 'route', 'del', 'default'])
    const node = start('edge-1')
    expect(await failure(node)).toBe('no-gateway')
    await endsInGoodOrder(node)
  })
})
