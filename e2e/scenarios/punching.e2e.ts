import { type Mesh, startDnsUpstream } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil } from '../support/call.ts'
import { flowsByPath } from '../support/flows.ts'
import { report } from '../support/report.ts'
import { clientOf, RESOLVER, startTwoSites } from '../support/two-sites.ts'

const BETA_URL = 'http://beta.apps/'
const BETA_SERVICE = 'apps/beta:main'
const RELAY = { name: 'relay', address: '45.80.0.71' }
const LONG = { timeout: 90_000, interval: 500 }

/** Calls come from a pod at site-a and go to one at site-b, both behind home routers. */
describe('calls between two sites whose NATs can be punched', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites({
      hosts: [RELAY],
      servers: [RELAY.name],
      serverAddresses: [`${RELAY.address}:20006`],
      prepare: async (lab) => {
        await lab.setNat('site-b', 'endpoint-independent')
        await startDnsUpstream(lab.node(RESOLVER), {})
      },
    })
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('start through the relay, soon go by a punched path, and go on by it when the tunnel server is killed', async () => {
    const client = clientOf(mesh, 'edge-1')
    const started = performance.now()
    await callUntil(client, BETA_URL, answeredBy('beta'))
    await expect.poll(() => flowsThenOne('punched'), LONG).toBeGreaterThan(0)
    report('until calls go by a punched path', Math.round(performance.now() - started))
    expect((await flowsByPath(mesh.agent('edge-1'), BETA_SERVICE))['relayed']).toBeGreaterThan(0)

    const [server] = mesh.servers
    await server.kill()
    const before = await flowsOf('punched')
    for (let calls = 0; calls < 20; calls++)
      expect(await call(client, BETA_URL)).toMatchObject({ kind: 'answer', pod: 'beta' })
    await expect.poll(() => flowsOf('punched'), LONG).toBeGreaterThanOrEqual(before + 20)
    await server.start()
  })

  it('go through the relay from when one of them is symmetric, and it is said why', async () => {
    await mesh.lab.setNat('site-b', 'symmetric')
    const client = clientOf(mesh, 'edge-1')
    const agent = mesh.agent('edge-1')
    await callUntil(client, BETA_URL, answeredBy('beta'))
    const labels = { path: 'punched', why: 'useless-nat' }
    await expect
      .poll(async () => {
        await call(client, BETA_URL)
        return await agent.metric('edgeway_tunnel_missing_paths', labels)
      }, LONG)
      .toBe(1)
    const [relayed, punched] = [await flowsOf('relayed'), await flowsOf('punched')]
    await callUntil(client, BETA_URL, answeredBy('beta'))
    await expect.poll(() => flowsOf('relayed'), LONG).toBeGreaterThan(relayed)
    expect(await flowsOf('punched')).toBe(punched)
  })

  async function flowsOf(path: string): Promise<number> {
    return (await flowsByPath(mesh.agent('edge-1'), BETA_SERVICE))[path] ?? 0
  }

  /** A flow is counted at its end, so that of the call before shows. */
  async function flowsThenOne(path: string): Promise<number> {
    const flows = await flowsOf(path)
    await call(clientOf(mesh, 'edge-1'), BETA_URL)
    return flows
  }
})
