import { Mesh, type Topology } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LightAgents } from '../support/light-mesh.ts'
import { report } from '../support/report.ts'

/** A public address that many nodes have in common, and a node elsewhere. */
const TOPOLOGY: Topology = {
  cloud: [{ name: 'cloud', address: '45.80.0.10' }],
  sites: [
    { name: 'crowd', nat: 'endpoint-independent', subnet: '192.168.1.0/24', nodes: [{ name: 'crowd' }] },
    { name: 'far', nat: 'symmetric', subnet: '192.168.1.0/24', nodes: [{ name: 'far' }] },
  ],
}
const FAR = 'far-1'
const NINE = namesOf(1, 9)
const OTHERS = namesOf(10, 60)

describe('nodes behind one NAT', () => {
  let mesh: Mesh
  let far: LightAgents
  let nine: LightAgents

  beforeAll(async () => {
    mesh = await Mesh.start({ topology: TOPOLOGY, bystanders: ['crowd', 'far'], logLevel: 'info' })
    far = await LightAgents.start(mesh, { host: mesh.lab.node('far'), nodes: [FAR] })
    nine = await LightAgents.start(mesh, { host: mesh.lab.node('crowd'), nodes: NINE, folder: 'nine' })
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('all join when they are nine, and are reached through the relay', async () => {
    await nine.whenJoined()

    expect(await callsFromFar(NINE)).toEqual(relayedTo(NINE))
    const back = await nine.calls({ from: 'node-9', targets: [targetOf(FAR)] })
    expect(back).toEqual(relayedTo([FAR]))
  })

  it('all join when they are sixty, and are reached through the relay', async () => {
    const started = performance.now()
    const host = mesh.lab.node('crowd')
    const others = await LightAgents.start(mesh, { host, nodes: OTHERS, folder: 'others' })
    await others.whenJoined({ timeoutMs: 90_000 })
    report('51 more nodes are joined', Math.round(performance.now() - started))

    expect(await callsFromFar([...NINE, ...OTHERS])).toEqual(relayedTo([...NINE, ...OTHERS]))
    const members = { known: (await far.agents()).map(({ peers }) => peers) }
    // The cloud's own node is one, too.
    expect(members).toEqual({ known: [NINE.length + OTHERS.length + 1] })
  })

  async function callsFromFar(nodes: readonly string[]) {
    await expect
      .poll(async () => (await far.agents())[0]?.peers, { timeout: 60_000 })
      .toBeGreaterThan(nodes.length)
    const started = performance.now()
    const outcomes = await far.calls({ from: FAR, targets: nodes.map(targetOf) })
    report(`a call to each of ${nodes.length} nodes`, Math.round(performance.now() - started))
    return outcomes
  }
})

function namesOf(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `node-${first + index}`)
}

function targetOf(node: string): string {
  return `${node}/10.244.0.1:80`
}

function relayedTo(nodes: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    nodes.map((node) => [targetOf(node), { kind: 'answer', by: node, path: 'relayed' }]),
  )
}
