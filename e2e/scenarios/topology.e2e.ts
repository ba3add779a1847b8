import { type Mesh, nodeObject } from '@edgeway/testbed'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, type CallOutcome, call, callUntil } from '../support/call.ts'
import { callMany } from '../support/load.ts'
import { report } from '../support/report.ts'
import { Servers } from '../support/servers.ts'
import { applyServices, BY_AGENT } from '../support/services.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

/** The groups of KubeEdge that the nodes belong to. */
const GROUPS = { cloud: 'group-a', 'edge-1': 'group-a', 'edge-2': 'group-b' }
const RANGE = { 'apps.kubeedge.io/service-topology': 'range-nodegroup' }

/** For so long a recovered endpoint answers before it gets calls again, `settleMs`; a little less, for two clocks. */
const SETTLE_MS = 9_500

/** `near` is on edge-1, `far` on edge-2. */
describe('calls that go through the agent', () => {
  let mesh: Mesh
  let servers: Servers

  beforeAll(async () => {
    mesh = await startTwoSites()
    servers = await Servers.start(mesh, { 'edge-1': ['near'], 'edge-2': ['far'] })
    await mesh.kubectl.apply(...Object.entries(GROUPS).map(([node, group]) => nodeIn(node, group)))
    const common = { namespace: 'apps', port: 80, targetPort: POD_PORT }
    const endpoints = servers.endpoints('near', 'far')
    await applyServices(mesh, [
      { ...common, name: 'local-first', clusterIp: '10.96.3.1', endpoints, annotations: BY_AGENT },
      {
        ...common,
        name: 'ranged',
        clusterIp: '10.96.3.2',
        endpoints,
        annotations: { ...BY_AGENT, ...RANGE },
      },
    ])
  })
  afterEach(async () => {
    await servers?.reviveAll()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('are all answered on their own node while it has a healthy endpoint', async () => {
    const client = clientOf(mesh, 'edge-1')
    await callUntil(client, 'http://local-first.apps/', answeredBy('near'))
    const started = performance.now()
    const { answers, failed } = await callMany(client, {
      service: 'local-first.apps',
      atOnce: 16,
      count: 10_000,
    })
    report('10,000 calls', Math.round(performance.now() - started))

    expect(failed).toEqual({})
    expect(answers).toEqual({ near: 10_000 })
  })

  it('go to the other site when the local endpoint dies, and return some time after it is back', async () => {
    const client = clientOf(mesh, 'edge-1')
    await callUntil(client, 'http://local-first.apps/', answeredBy('near'))
    await servers.kill('near')
    const away = await callMany(client, { service: 'local-first.apps', atOnce: 4, count: 200 })
    expect(away).toMatchObject({ answers: { far: 200 }, failed: {} })

    await servers.reviveAll()
    const started = performance.now()
    const outcomes: CallOutcome[] = []
    await expect
      .poll(
        async () => {
          const outcome = await call(client, 'http://local-first.apps/')
          outcomes.push(outcome)
          return outcome
        },
        { timeout: 60_000, interval: 200 },
      )
      .toMatchObject({ pod: 'near' })
    const elapsedMs = Math.round(performance.now() - started)
    report('calls return to the local endpoint after it is back', elapsedMs)

    expect(elapsedMs).toBeGreaterThanOrEqual(SETTLE_MS)
    for (const outcome of outcomes.slice(0, -1)) expect(outcome).toMatchObject({ pod: 'far' })
    const home = await callMany(client, { service: 'local-first.apps', atOnce: 4, count: 200 })
    expect(home).toMatchObject({ answers: { near: 200 }, failed: {} })
  })

  it('never leave a NodeGroup that they are limited to, not even when its endpoint is dead', async () => {
    const options = { service: 'ranged.apps', atOnce: 4 }
    for (const node of ['edge-1', 'cloud'] as const) {
      await callUntil(clientOf(mesh, node), 'http://ranged.apps/', answeredBy('near'))
      const { answers } = await callMany(clientOf(mesh, node), { ...options, count: 50 })
      expect(answers).toEqual({ near: 50 })
    }

    await servers.kill('near')

    for (const node of ['edge-1', 'cloud'] as const) {
      const { answers, failed, slow } = await callMany(clientOf(mesh, node), { ...options, count: 50 })
      expect(answers, `from ${node}`).toEqual({})
      // The agent has accepted by the time it learns that nobody serves.
      for (const kind of Object.keys(failed)) expect(['refused', 'no answer']).toContain(kind)
      expect(slow).toEqual([])
    }
    // It was not the other group's endpoint that was ill.
    expect(await call(clientOf(mesh, 'edge-2'), 'http://ranged.apps/')).toMatchObject({ pod: 'far' })
  })
})

function nodeIn(name: string, group: string) {
  const node = nodeObject(name)
  return { ...node, metadata: { ...node.metadata, labels: { 'apps.kubeedge.io/belonging-to': group } } }
}
