import {
  destinationRuleDefinition,
  destinationRuleObject,
  type LabHost,
  type LabPod,
  type Mesh,
} from '@edgeway/testbed'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { callMany, startLoad } from '../support/load.ts'
import { start } from '../support/program.ts'
import { report } from '../support/report.ts'
import { Servers } from '../support/servers.ts'
import { applyServices, BY_AGENT } from '../support/services.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const AT_ONCE = 8
const SILENT_CLIENTS = 500
const STUCK_MS = 2_000

/** Calls come from a pod on edge-1, and go through the agent. */
describe('calls to a Service with a bad endpoint or bad clients', () => {
  let mesh: Mesh
  let servers: Servers
  let client: LabHost
  /** Takes packets and says nothing. */
  let hole: LabPod

  beforeAll(async () => {
    mesh = await startTwoSites()
    client = clientOf(mesh, 'edge-1')
    servers = await Servers.start(mesh, { 'edge-1': ['near-1', 'near-2', 'near-3'], 'edge-2': ['far-1'] })
    hole = await mesh.lab.addPod('edge-1', { name: 'hole', namespace: 'apps' })
    await hole.exec(['nft', BLACK_HOLE])
    await applyServices(mesh, [
      serviceOf('one-node', servers.endpoints('near-1', 'near-2', 'near-3')),
      serviceOf('two-nodes', servers.endpoints('near-1', 'near-2', 'far-1'), {
        'edgeway.io/topology': 'any',
      }),
      serviceOf('holed', [...servers.endpoints('near-1'), { ip: hole.address, node: 'edge-1' }]),
      serviceOf('ruled', servers.endpoints('near-1', 'near-2', 'near-3')),
      serviceOf('distant', servers.endpoints('far-1')),
    ])
  })
  afterEach(async () => {
    await servers?.reviveAll()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it.each([
    { service: 'one-node', killed: 'near-1', pods: ['near-1', 'near-2', 'near-3'] },
    { service: 'two-nodes', killed: 'near-1', pods: ['far-1', 'near-1', 'near-2'] },
    { service: 'two-nodes', killed: 'far-1', pods: ['far-1', 'near-1', 'near-2'] },
  ])('do not fail after an endpoint was killed ($service, $killed)', async ({ service, killed, pods }) => {
    const options = { service: `${service}.apps`, atOnce: AT_ONCE }
    await expect.poll(() => answering(options.service), { timeout: 60_000 }).toEqual(pods)
    await using load = startLoad(client, options)
    await load.whenMore(300)

    const deadAt = await servers.kill(killed)
    await load.whenMore(600)
    const { failures } = await load.stop()

    // What was on its way when the endpoint died: nobody may ask that again.
    const begunBefore = failures.filter(({ startedAt }) => startedAt <= deadAt)
    report(`calls that the death of ${killed} cut off`, begunBefore.length, `of ${AT_ONCE} at once`)
    const begunAfter = failures.filter(({ startedAt }) => startedAt > deadAt)
    expect(begunAfter.map(({ kind }) => kind)).toEqual([])
    for (const { kind } of begunBefore) expect(['no answer', 'cut off']).toContain(kind)
    expect(begunBefore.length).toBeLessThanOrEqual(AT_ONCE)
  })

  it('wait once at most for an endpoint that swallows packets', async () => {
    await expect.poll(() => isKnown('holed'), { timeout: 60_000 }).toBe(true)

    const { answers, failed, slow } = await callMany(client, {
      service: 'holed.apps',
      atOnce: 1,
      count: 300,
    })

    expect(failed).toEqual({})
    expect(slow.length).toBeLessThanOrEqual(1)
    expect(answers).toEqual({ 'near-1': 300 })
    expect(await swallowed(), 'connections that the silent endpoint was asked for').toBeGreaterThan(0)
  })

  it('are not disturbed by 500 clients that say nothing', async () => {
    const options = { service: 'distant.apps', atOnce: 4 }
    await expect.poll(() => answering(options.service), { timeout: 60_000 }).toEqual(['far-1'])
    const before = await callMany(client, { ...options, count: 300 })
    const program = new URL('../support/silent-clients.ts', import.meta.url)
    await using silent = start(client, { file: program, args: [options.service, 80, SILENT_CLIENTS] })
    await silent.waitForOutput(/connected/)
    await expect.poll(openConnections, { timeout: 60_000 }).toBeGreaterThanOrEqual(SILENT_CLIENTS)

    const during = await callMany(client, { ...options, count: 500 })

    report('99 of 100 calls were answered within', before.p99Ms)
    report(`the same beside ${SILENT_CLIENTS} silent clients`, during.p99Ms)
    expect(during).toMatchObject({ answers: { 'far-1': 500 }, failed: {} })
    // No figure of speed: one call of a hundred that waits for a time-out would be beyond it.
    expect(during.p99Ms).toBeLessThan(before.p99Ms + STUCK_MS)
    expect(silent.running).toBe(true)
    expect(await openConnections()).toBeGreaterThanOrEqual(SILENT_CLIENTS)
  })

  /** Names of the pods that answer calls now. */
  async function answering(service: string): Promise<string[]> {
    const { answers } = await callMany(client, { service, atOnce: AT_ONCE, count: 60 })
    return Object.keys(answers).toSorted()
  }

  /** Whether the agent of the clients' node has rules for the Service; no call is made. */
  async function isKnown(service: string): Promise<boolean> {
    const { stdout } = await mesh.lab.node('edge-1').exec(['nft', 'list', 'map', 'inet', 'edgeway', 'agent4'])
    return stdout.includes(`${addressOf(service)} . `)
  }

  it('go where a DestinationRule says, for as long as it is there', async () => {
    await expect.poll(() => answering('ruled.apps'), { timeout: 60_000 }).toHaveLength(3)
    await mesh.kubectl.apply(destinationRuleDefinition())
    await mesh.kubectl.run(['wait', '--for=condition=Established', `crd/${DESTINATION_RULES}`])
    const rule = destinationRuleObject({
      namespace: 'apps',
      name: 'ruled',
      trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } },
    })

    await mesh.kubectl.apply(rule)
    await expect.poll(() => answering('ruled.apps'), { timeout: 60_000 }).toHaveLength(1)
    await mesh.kubectl.delete(rule)
    await expect.poll(() => answering('ruled.apps'), { timeout: 60_000 }).toHaveLength(3)
  })

  async function swallowed(): Promise<number> {
    const { stdout } = await hole.exec(['nft', 'list', 'table', 'inet', 'hole'])
    return Number(/packets (\d+)/.exec(stdout)?.[1])
  }

  /** At the far server, as it says itself. */
  async function openConnections(): Promise<number> {
    const url = `http://127.0.0.1:${POD_PORT}/stats`
    const { stdout } = await servers.pod('far-1').exec(['curl', '--silent', url])
    return (JSON.parse(stdout) as { readonly open: number }).open
  }
})

const BLACK_HOLE = `
table inet hole {
  chain input { type filter hook input priority 0; tcp dport ${POD_PORT} counter drop; }
}`

const DESTINATION_RULES = 'destinationrules.networking.istio.io'

const NAMES = ['one-node', 'two-nodes', 'holed', 'ruled', 'distant']

function addressOf(service: string): string {
  return `10.96.2.${NAMES.indexOf(service) + 1}`
}

function serviceOf(
  name: string,
  endpoints: ReturnType<Servers['endpoints']>,
  annotations: Readonly<Record<string, string>> = {},
) {
  return {
    namespace: 'apps',
    name,
    clusterIp: addressOf(name),
    port: 80,
    targetPort: POD_PORT,
    annotations: { ...BY_AGENT, ...annotations },
    endpoints,
  }
}
