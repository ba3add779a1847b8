import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lab, type LabHost, type LabProcess, type NatKind } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readDocument } from '../src/identity/signed-document.ts'
import { formatNatType, natTypeOf } from '../src/nat-type.ts'
import { decodePeers } from '../src/records/peer-store.ts'
import type { NatNodeConfig } from './nat-node.ts'

const PROGRAM = new URL('./nat-node.ts', import.meta.url).pathname
const SOON = { timeout: 40_000, interval: 100 }
const SERVERS = ['server-1', 'server-2']
/** A node in the cloud that hears of all others. */
const LISTENER = 'listener'

/** What is found behind each kind of router, the node named for the kind; `none`: a public address. */
const EXPECTED: readonly (readonly [NatKind, string])[] = [
  ['endpoint-independent', 'endpoint-independent/drop'],
  ['symmetric', 'symmetric/drop'],
  ['none', 'none/open'],
  ['rejecting', 'endpoint-independent/reject'],
  ['port-changing', 'endpoint-independent/drop'],
  ['address-restricted', 'endpoint-independent/open'],
  ['full-cone', 'endpoint-independent/open'],
  ['hairpinning', 'endpoint-independent/drop'],
]

describe('a node behind a real router', () => {
  let lab: Lab
  let directory: string
  const nodes = new Map<string, LabProcess>()

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'edgeway-nat-'))
    lab = await Lab.create({
      cloud: [...SERVERS, LISTENER].map((name) => ({ name })),
      sites: EXPECTED.map(([nat], index) => ({
        ...{ name: `site-${index}`, nat, subnet: `192.168.${index}.0/24` },
        nodes: [{ name: nat }],
      })),
    })
    for (const name of SERVERS) await run(lab.node(name), { name, directory })
    const servers = SERVERS.map((name) => `${lab.node(name).address}:20006`)
    const names = [LISTENER, ...EXPECTED.map(([name]) => name)]
    await Promise.all(
      names.map(async (name) => nodes.set(name, await run(lab.node(name), { name, directory, servers }))),
    )
  })
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  })

  it.each(EXPECTED)('whose NAT is %s finds out that it is %s', async (name, expected) => {
    await vi.waitFor(async () => expect(await natOf(name)).toBe(expected), SOON)
  })

  it('tells all others in its record', async () => {
    const told = expect.arrayContaining(EXPECTED.map(([, type]) => type))
    await vi.waitFor(async () => expect(await natsKnownTo(LISTENER)).toEqual(told), SOON)
  })

  /** The last that it said of itself. */
  async function natOf(name: string): Promise<unknown> {
    const output = (await nodes.get(name)?.output()) ?? ''
    const lines = output.split('\n').filter((line) => line.startsWith('{"nat"'))
    return lines.map((line) => JSON.parse(line).nat).at(-1)
  }

  async function natsKnownTo(name: string): Promise<string[]> {
    const wires = decodePeers(await readFile(join(directory, name, 'peers.json')))
    return wires.map((wire) => formatNatType(natTypeOf(readDocument('record', wire.record).payload['nat'])))
  }
})

async function run(host: LabHost, config: NatNodeConfig): Promise<LabProcess> {
  const started = host.spawn([process.execPath, PROGRAM, JSON.stringify(config)])
  await started.waitForOutput(/"ready"/)
  return started
}
