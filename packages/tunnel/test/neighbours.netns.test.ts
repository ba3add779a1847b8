import { Lab, type LabHost, type LabProcess } from '@edgeway/testbed'
import { afterEach, describe, expect, it } from 'vitest'
import type { LegacyAnswer, LegacyQuestion } from './legacy-resolver.ts'
import { type NeighbourNodeConfig, type NeighbourNodeLine, peerIdOf } from './neighbour-node.ts'

const NODE = new URL('./neighbour-node.ts', import.meta.url).pathname
const RESOLVER = new URL('./legacy-resolver.ts', import.meta.url).pathname

/** A LAN of three nodes, and another one with the same subnet behind another router. */
const TOPOLOGY = {
  sites: [
    {
      name: 'a',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [
        { name: 'edge-1', address: '192.168.1.11' },
        { name: 'edge-2', address: '192.168.1.12' },
        { name: 'visitor', address: '192.168.1.66' },
      ],
    },
    {
      name: 'b',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [{ name: 'edge-3', address: '192.168.1.13' }],
    },
  ],
} as const

let lab: Lab
afterEach(async () => lab?.[Symbol.asyncDispose]())

async function run(host: LabHost, config: Partial<NeighbourNodeConfig> = {}): Promise<LabProcess> {
  const started = host.spawn([process.execPath, NODE, JSON.stringify({ name: host.name, ...config })])
  await started.waitForOutput(/"ready"/)
  return started
}

async function linesOf(node: LabProcess): Promise<NeighbourNodeLine[]> {
  return (await node.output())
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

/** As it was told last: the addresses of that peer. */
async function addressesOf(node: LabProcess, name: string): Promise<readonly string[] | undefined> {
  const peerId = await peerIdOf(name)
  const told = (await linesOf(node)).flatMap((line) =>
    'addresses' in line && line.peerId === peerId ? [line.addresses] : [],
  )
  return told.at(-1)
}

async function countOf(node: LabProcess, outcome: string): Promise<number> {
  return (await linesOf(node)).filter((line) => 'outcome' in line && line.outcome === outcome).length
}

function found(node: LabProcess, name: string) {
  return expect.poll(() => addressesOf(node, name), { timeout: 20_000 })
}

function counted(node: LabProcess, outcome: string) {
  return expect.poll(() => countOf(node, outcome), { timeout: 20_000 })
}

/** One question, asked by a resolver that knows nothing of multicast but the address. */
async function ask(host: LabHost, question: LegacyQuestion): Promise<LegacyAnswer> {
  const { stdout } = await host.exec([process.execPath, RESOLVER, JSON.stringify(question)])
  return JSON.parse(stdout)
}

describe('neighbours on a LAN', () => {
  it('find each other, whoever started first, and nobody of another LAN', async () => {
    lab = await Lab.create(TOPOLOGY)
    const [first, stranger] = [await run(lab.node('edge-1')), await run(lab.node('edge-3'))]
    const second = await run(lab.node('edge-2'))

    await found(first, 'edge-2').toEqual(['/ip4/192.168.1.12/tcp/20008'])
    await found(second, 'edge-1').toEqual(['/ip4/192.168.1.11/tcp/20008'])
    expect(await countOf(stranger, 'new')).toBe(0)
  })

  it('are gone when they stop, and found at another address when they get one', async () => {
    lab = await Lab.create(TOPOLOGY)
    const [first, second] = [await run(lab.node('edge-1')), await run(lab.node('edge-2'))]
    await found(first, 'edge-2').toEqual(['/ip4/192.168.1.12/tcp/20008'])

    await lab.changeAddress('edge-2', '192.168.1.77')
    // What there was before may still be of use; the newest comes first.
    await found(first, 'edge-2').toEqual(['/ip4/192.168.1.77/tcp/20008', '/ip4/192.168.1.12/tcp/20008'])
    second.kill('SIGTERM')
    await found(first, 'edge-2').toEqual(['/ip4/192.168.1.12/tcp/20008'])
    expect(await countOf(first, 'gone')).toBe(1)
  })

  it('find each other anew when the LAN was in two parts while they started', async () => {
    lab = await Lab.create(TOPOLOGY)
    await lab.setLink(lab.node('edge-2'), 'down')
    const [first, second] = [await run(lab.node('edge-1')), await run(lab.node('edge-2'))]
    await lab.setLink(lab.node('edge-2'), 'up')

    await found(first, 'edge-2').toHaveLength(1)
    await found(second, 'edge-1').toHaveLength(1)
  })

  it('ignore who announces itself under the name of another, once it was found out, and count it', async () => {
    lab = await Lab.create(TOPOLOGY)
    const first = await run(lab.node('edge-1'), { strangers: ['192.168.1.66'] })
    const second = await run(lab.node('edge-2'))
    await found(first, 'edge-2').toEqual(['/ip4/192.168.1.12/tcp/20008'])
    await run(lab.node('visitor'), { name: 'edge-2' })

    // Found out at the first announcement, and not believed at the second one.
    await counted(first, 'spoofed').toBeGreaterThanOrEqual(2)
    expect(await addressesOf(first, 'edge-2')).toEqual(['/ip4/192.168.1.12/tcp/20008'])
    expect(await countOf(first, 'new')).toBe(2)
    await counted(second, 'spoofed').toBeGreaterThanOrEqual(1)
  })

  it('ignore nodes of other clusters, and what can not be read, and count it', async () => {
    lab = await Lab.create(TOPOLOGY)
    const first = await run(lab.node('edge-1'))
    await run(lab.node('visitor'), { cluster: 'fedcba9876543210' })
    await counted(first, 'other-cluster').toBeGreaterThanOrEqual(1)
    await ask(lab.node('edge-2'), { raw: Buffer.from('_edgeway, but no message').toString('hex') })
    await counted(first, 'malformed').toBe(1)

    expect(await countOf(first, 'new')).toBe(0)
  })
})

describe('other programs', () => {
  it('are answered one by one where they know nothing of multicast', async () => {
    lab = await Lab.create(TOPOLOGY)
    await run(lab.node('edge-1'))
    const peerId = await peerIdOf('edge-1')
    const instance = `${peerId}._edgeway._tcp.local`

    const pointer = await ask(lab.node('visitor'), { name: '_edgeway._tcp.local', type: 'PTR' })
    expect(pointer.from).toEqual(['192.168.1.11', 5353])
    expect(pointer.questions).toEqual(['PTR _edgeway._tcp.local'])
    expect(pointer.records).toEqual([
      `PTR _edgeway._tcp.local 10 ${instance}`,
      `SRV ${instance} 10 20008 ${peerId}.local`,
      `TXT ${instance} 10 v=1 cluster=0123456789abcdef`,
      `A ${peerId}.local 10 192.168.1.11`,
    ])
    const none = await ask(lab.node('visitor'), { name: `${peerId}.local`, type: 'AAAA' })
    expect(none.records).toEqual([`NSEC ${peerId}.local 10 A`])
  })

  it('find the nodes by DNS-SD', async () => {
    lab = await Lab.create(TOPOLOGY)
    await run(lab.node('edge-1'))
    await run(lab.node('edge-2'))
    const scan = lab.node('visitor').spawn(['mdns-scan'])

    for (const name of ['edge-1', 'edge-2'])
      await scan.waitForOutput(new RegExp(`${await peerIdOf(name)}._edgeway._tcp.local`))
  })
})
