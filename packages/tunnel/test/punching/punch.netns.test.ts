import { Lab, type LabHost, type LabProcess, type NatKind, type Topology } from '@edgeway/testbed'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type NatType, UNKNOWN_NAT } from '../../src/nat-type.ts'
import type { PunchLine, PunchNodeConfig } from './punch-node.ts'

const PROGRAM = new URL('./punch-node.ts', import.meta.url).pathname
const MIB = 1024 * 1024

/** What nodes behind each kind find out. */
const TYPES: Readonly<Record<Exclude<NatKind, 'none'>, NatType>> = {
  'endpoint-independent': { mapping: 'endpoint-independent', filtering: 'drop' },
  rejecting: { mapping: 'endpoint-independent', filtering: 'reject' },
  'port-changing': { mapping: 'endpoint-independent', filtering: 'drop' },
  'address-restricted': { mapping: 'endpoint-independent', filtering: 'open' },
  'full-cone': { mapping: 'endpoint-independent', filtering: 'open' },
  hairpinning: { mapping: 'endpoint-independent', filtering: 'drop' },
  symmetric: { mapping: 'symmetric', filtering: 'drop' },
}
type Kind = keyof typeof TYPES

/** Sites a and b on the public segment; c and d behind one carrier. */
const TOPOLOGY: Topology = {
  cloud: [{ name: 'relay' }],
  sites: [
    { name: 'a', nat: 'endpoint-independent', subnet: '192.168.1.0/24', nodes: [{ name: 'edge-a' }] },
    { name: 'b', nat: 'endpoint-independent', subnet: '192.168.1.0/24', nodes: [{ name: 'edge-b' }] },
    { name: 'carrier', nat: 'endpoint-independent', subnet: '100.64.0.0/24', nodes: [] },
    {
      ...{ name: 'c', nat: 'endpoint-independent', subnet: '192.168.1.0/24', behind: 'carrier' },
      nodes: [{ name: 'edge-c' }],
    },
    {
      ...{ name: 'd', nat: 'endpoint-independent', subnet: '192.168.1.0/24', behind: 'carrier' },
      nodes: [{ name: 'edge-d' }],
    },
  ],
}

let lab: Lab
let stack: AsyncDisposableStack
beforeAll(async () => {
  lab = await Lab.create(TOPOLOGY)
})
afterAll(async () => lab?.[Symbol.asyncDispose]())
beforeEach(async () => {
  stack = new AsyncDisposableStack()
  relay = await run('relay', {})
})
afterEach(async () => stack.disposeAsync())

let relay: LabProcess

async function run(name: string, config: Omit<PunchNodeConfig, 'name'>): Promise<LabProcess> {
  const host: LabHost = lab.node(name)
  const started = stack.use(host.spawn([process.execPath, PROGRAM, JSON.stringify({ name, ...config })]))
  await started.waitForOutput(/"ready"/)
  return started
}

interface Side {
  readonly name: string
  readonly nat: NatType
}

/** Starts both nodes, of which the first one punches. */
async function punching(
  one: Side,
  other: Side,
  config: Omit<PunchNodeConfig, 'name'> = {},
): Promise<LabProcess> {
  const { address } = lab.node('relay')
  await run(other.name, { relay: address, nat: other.nat })
  return await run(one.name, { relay: address, nat: one.nat, peer: other, ...config })
}

async function results(process: LabProcess): Promise<PunchLine[]> {
  await process.waitForOutput(/"done"/)
  const lines = (await process.output()).trim().split('\n')
  return lines.filter((line) => line.startsWith('{"kind"')).map((line) => JSON.parse(line))
}

async function setNats(a: Kind, b: Kind): Promise<[Side, Side]> {
  await lab.setNat('a', a)
  await lab.setNat('b', b)
  return [
    { name: 'edge-a', nat: TYPES[a] },
    { name: 'edge-b', nat: TYPES[b] },
  ]
}

const TIMES = 3

/**
 * Again and again, by links that take no time, and by offers of either side; the grid has all pairs. Two that refuse strangers
 * are not among them: their SYNs have to be under way at the same time, and here a packet is so for some microseconds.
 */
const PUNCHABLE: readonly (readonly [Kind, Kind])[] = [
  ['endpoint-independent', 'endpoint-independent'],
  ['rejecting', 'endpoint-independent'],
  ['address-restricted', 'symmetric'],
  ['symmetric', 'address-restricted'],
]

describe('two nodes behind routers', () => {
  it.each(PUNCHABLE)('that are %s and %s are punched', async (a, b) => {
    const [one, other] = await setNats(a, b)
    const lines = await results(await punching(one, other, { times: TIMES }))

    expect(lines).toEqual(
      Array.from({ length: TIMES }, () => expect.objectContaining({ kind: 'punched', path: 'punched' })),
    )
  })

  it.each<[Kind, Kind, 'known' | 'unknown']>([
    ['symmetric', 'symmetric', 'known'],
    ['symmetric', 'symmetric', 'unknown'],
    ['endpoint-independent', 'symmetric', 'unknown'],
  ])('that are %s and %s are never tried; the latter is %s', async (a, b, knowledge) => {
    const [one, other] = await setNats(a, b)
    const synsOfA = await countSyns('a', lab.router('b').address)
    const synsOfB = await countSyns('b', lab.router('a').address)
    const told = { name: other.name, nat: knowledge === 'known' ? other.nat : UNKNOWN_NAT }
    const lines = await results(await punching(one, other, { peer: told }))

    expect(lines).toEqual([expect.objectContaining({ kind: 'failed', reason: 'useless', tries: 0 })])
    expect([await synsOfA(), await synsOfB()]).toEqual([0, 0])
  })

  it.each<[Kind, string]>([
    ['hairpinning', 'punched'],
    ['endpoint-independent', 'failed'],
  ])('behind one carrier whose NAT is %s: %s', async (carrier, outcome) => {
    await lab.setNat('carrier', carrier)
    const sides = ['edge-c', 'edge-d'].map((name) => ({ name, nat: TYPES['endpoint-independent'] }))
    const lines = await results(await punching(sides[0] as Side, sides[1] as Side))

    expect(lines.map(({ kind }) => kind)).toEqual([outcome])
  })
})

it('a punched path carries much unharmed, and goes on when the relay is killed', async () => {
  const [one, other] = await setNats('endpoint-independent', 'endpoint-independent')
  const caller = await punching(one, other, { bytes: 64 * MIB })
  await caller.waitForOutput(new RegExp(`"echoed":${64 * MIB}\\b`))
  relay.kill('SIGKILL')
  await relay.exited
  const before = (await caller.output()).length

  await caller.waitForOutput(new RegExp(`^[^]{${before}}[^]*("echoedAgain":65536[^]*){3}`))
})

/** Counts the SYNs that leave a site towards an address from now on. */
async function countSyns(site: string, address: string): Promise<() => Promise<number>> {
  const router = lab.router(site)
  const ruleset = `
table ip watch
delete table ip watch
table ip watch {
  chain forward {
    type filter hook forward priority -300; policy accept;
    ip daddr ${address} tcp flags & (syn | ack) == syn counter
  }
}
`
  const { code, stderr } = await router.exec(['nft', '-f', '-'], { input: ruleset })
  if (code !== 0) throw new Error(stderr)
  return async () => {
    const { stdout } = await router.exec(['nft', 'list', 'table', 'ip', 'watch'])
    const [, packets] = /counter packets (\d+)/.exec(stdout) ?? []
    return Number(packets)
  }
}
