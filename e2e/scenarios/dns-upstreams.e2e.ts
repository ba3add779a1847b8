import { type LabProcess, type Mesh, startDnsUpstream } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientOf, startTwoSites, VISITOR } from '../support/two-sites.ts'

const NODE = 'edge-1'
const DOMAIN = 'corp.example'
const NAME = `db.${DOMAIN}`
const [FORMER, NEW] = ['45.80.0.81', '45.80.0.82']

describe('names outside of the cluster', () => {
  let mesh: Mesh
  let resolver: LabProcess

  beforeAll(async () => {
    mesh = await startTwoSites()
    resolver = await startResolver(FORMER)
    const upstreams = [mesh.lab.node(VISITOR).address]
    await mesh.agent(NODE).stop()
    await mesh.agent(NODE).start({ config: { dns: { stubDomains: [{ domain: DOMAIN, upstreams }] } } })
    await mesh.agent(NODE).whenReady()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('are asked of the resolver of their domain, all others of the one in resolv.conf', async () => {
    await expect.poll(() => dig(NAME), { timeout: 20_000 }).toContain(FORMER)
    expect(await dig('www.example.com')).toContain('45.80.0.80')
    expect(await dig(`absent.${DOMAIN}`)).toContain('status: NXDOMAIN')
  })

  it('are answered as they were while their resolver is away, and the answer says so', async () => {
    await resolver[Symbol.asyncDispose]()

    // Its TTL was a second.
    await expect.poll(() => dig(NAME), { timeout: 20_000 }).toContain('EDE: 3 (Stale Answer)')
    expect(await dig(NAME)).toMatch(new RegExp(`30\\s+IN\\s+A\\s+${FORMER}`))
    expect((await clientOf(mesh, NODE).exec(['getent', 'ahosts', NAME])).stdout).toContain(FORMER)
    expect(await dig(`another.${DOMAIN}`)).toMatch(/status: SERVFAIL.*EDE: 22 \(No Reachable Authority\)/s)
    expect(await dig('www.example.com')).toContain('45.80.0.80')
  })

  it('are answered anew once it is back', async () => {
    resolver = await startResolver(NEW)

    await expect.poll(() => dig(NAME), { timeout: 40_000 }).toContain(NEW)
  })

  async function startResolver(address: string): Promise<LabProcess> {
    return (await startDnsUpstream(mesh.lab.node(VISITOR), { [NAME]: [address] }, { ttlSeconds: 1 })).process
  }

  async function dig(name: string): Promise<string> {
    const { stdout } = await clientOf(mesh, NODE).exec(['dig', '+tries=1', '+time=8', name])
    return stdout
  }
})
