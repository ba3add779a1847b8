import { fileURLToPath } from 'node:url'
import { type DnsUpstream, kernelFlows, type LabHost, type Mesh, startDnsUpstream } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil } from '../support/call.ts'
import { Caller } from '../support/caller.ts'
import { DELTA, DELTA_URL, NEIGHBOUR, startDelta } from '../support/delta.ts'
import { flowsByPath, pathOf } from '../support/flows.ts'
import { report } from '../support/report.ts'
import { BETA, clientOf, RESOLVER, startTwoSites } from '../support/two-sites.ts'

const TUNNEL = 'tunnel.example.com'
const RELAY = { name: 'relay', address: '45.80.0.71' }
const BETA_URL = 'http://beta.apps/'

/** Agents know the tunnel server by name; edge-1 and edge-3 are on one LAN. */
describe('nodes whose addresses are shared, or change', () => {
  let mesh: Mesh
  let resolver: DnsUpstream

  beforeAll(async () => {
    mesh = await startTwoSites({
      prepare: async (lab) => {
        resolver = await startDnsUpstream(lab.node(RESOLVER), { [TUNNEL]: [RELAY.address] })
      },
      hosts: [RELAY],
      neighbours: [NEIGHBOUR],
      servers: [RELAY.name],
      serverAddresses: [`${TUNNEL}:20006`],
    })
    await startDelta(mesh)
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it.each([
    { node: 'edge-1', local: 'alpha', far: 'beta' },
    { node: 'edge-2', local: 'beta', far: 'alpha' },
    { node: 'cloud', local: undefined, far: undefined },
  ] as const)(
    'never answer for each other though pods of two sites have the same address, in 340 calls from $node',
    async ({ node, local, far }) => {
      const client = clientOf(mesh, node)
      const started = performance.now()
      const [alpha, beta] = [
        await manyCalls(client, 'alpha', { count: 170, atOnce: 8 }),
        await manyCalls(client, 'beta', { count: 170, atOnce: 8 }),
      ]
      report(`340 calls from ${node}`, Math.round(performance.now() - started))

      expect(alpha).toEqual({ alpha: 170 })
      expect(beta).toEqual({ beta: 170 })
      // From the cloud either way across the NATs is right.
      if (local === undefined) return
      // A few calls more were made while the mesh came up.
      expect(await kernelFlows(client, mesh.lab.pod(local))).toBeGreaterThanOrEqual(170)
      const flows = (service: string) => flowsByPath(mesh.agent(node), `apps/${service}:main`)
      expect(await flows(local)).toEqual({})
      await expect
        .poll(async () => (await flows(far))['relayed'], { timeout: 20_000 })
        .toBeGreaterThanOrEqual(170)
      expect(Object.keys(await flows(far))).toEqual(['relayed'])
    },
  )

  it('serve 200 connections that are open at the same time across both NATs', async () => {
    const program = fileURLToPath(new URL('../support/open-connections.ts', import.meta.url))
    const client = clientOf(mesh, 'edge-1')
    const started = performance.now()
    const { stdout, stderr } = await client.exec([process.execPath, program, 'beta.apps', '80', '200'], {
      timeoutMs: 90_000,
    })
    report('200 connections at once', Math.round(performance.now() - started))

    expect(stdout, stderr).toBe('{"beta":400}\n')
  })

  it('find out what their NATs do, by reflectors beside the tunnel server', async () => {
    const natOf = async (node: string): Promise<unknown> =>
      JSON.parse(await mesh.agent(node).admin('/statusz')).tunnel.nat
    const nats = async () => Promise.all(['edge-1', 'edge-2', 'cloud'].map(natOf))

    const found = ['endpoint-independent/drop', 'symmetric/drop', 'none/open']
    await expect.poll(nats, { timeout: 60_000 }).toEqual(found)
  })

  it('call each other directly on their LAN, also when one of them has got another address', async () => {
    await whenByLan()
    const client = clientOf(mesh, 'edge-1')
    await using caller = await Caller.start(client, { ip: DELTA.clusterIp, port: DELTA.port })
    await mesh.lab.changeAddress(NEIGHBOUR.name, '192.168.1.31')
    await callUntil(client, DELTA_URL, answeredBy('delta'))
    report('longest time without an answer, on the LAN', (await caller.stop()).longestGapMs)

    await whenByLan()
  })

  it('are reached at another site again after their own address has changed', async () => {
    const client = clientOf(mesh, 'edge-1')
    await callUntil(client, BETA_URL, answeredBy('beta'))
    await using caller = await Caller.start(client, { ip: BETA.clusterIp, port: BETA.port })
    await mesh.lab.changeAddress('edge-1', '192.168.1.21')
    await callUntil(client, BETA_URL, answeredBy('beta'))
    report('longest time without an answer, through the relay', (await caller.stop()).longestGapMs)

    expect(await call(clientOf(mesh, 'edge-2'), 'http://alpha.apps/')).toMatchObject({ pod: 'alpha' })
  })

  it('follow the tunnel server to another address by its name', async () => {
    await mesh.lab.changeAddress(RELAY.name, '45.80.0.72')
    await resolver.setRecords({ [TUNNEL]: ['45.80.0.72'] })
    const started = performance.now()
    const joined = () => Promise.all(mesh.agents.map((agent) => agent.metric('edgeway_tunnel_sessions')))
    await callUntil(clientOf(mesh, 'edge-1'), BETA_URL, answeredBy('beta'))
    report('calls after the tunnel server moved', Math.round(performance.now() - started))

    await expect.poll(joined, { timeout: 60_000 }).toEqual(mesh.agents.map(() => 1))
  })

  it('go on on their LAN when the tunnel server is dead', async () => {
    await whenByLan()
    await mesh.server.kill()
    const client = clientOf(mesh, 'edge-1')

    for (let calls = 0; calls < 10; calls++)
      expect(await call(client, DELTA_URL)).toMatchObject({ kind: 'answer', pod: 'delta' })
    expect(await call(client, BETA_URL, 3)).not.toMatchObject({ kind: 'answer' })
  })

  /** Waits until calls from edge-1 to its neighbour don't leave the LAN. */
  async function whenByLan(): Promise<void> {
    const path = async (): Promise<unknown> => {
      const mark = await mesh.agent('edge-1').log.mark()
      await callUntil(clientOf(mesh, 'edge-1'), DELTA_URL, answeredBy('delta'))
      return await pathOf(mesh.agent('edge-1'), 'apps/delta:main', mark)
    }
    await expect.poll(path, { timeout: 60_000 }).toBe('lan')
  }
})

/** Calls by curl, each over a connection of its own; returns how often which pod answered. */
async function manyCalls(
  client: LabHost,
  service: string,
  { count, atOnce }: { readonly count: number; readonly atOnce: number },
): Promise<Record<string, number>> {
  const { stdout } = await client.exec(
    // biome-ignore format: one option with its value per pair
    ['curl', '--silent', '--no-progress-meter', '--max-time', '60', '--parallel', '--parallel-immediate',
      '--parallel-max', String(atOnce), '--header', 'connection: close', `http://${service}.apps/[1-${count}]`],
    { timeoutMs: 90_000 },
  )
  const answers: Record<string, number> = {}
  for (const [, pod = ''] of stdout.matchAll(/"pod":"([^"]*)"/g)) answers[pod] = (answers[pod] ?? 0) + 1
  return answers
}
