import { type Mesh, type PortMapper, startDnsUpstream, startPortMapper } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, callUntil } from '../support/call.ts'
import { pathOf } from '../support/flows.ts'
import { clientOf, RESOLVER, startTwoSites } from '../support/two-sites.ts'

/** The router of site-b, whose NAT is a symmetric one, speaks UPnP. */
describe('a node behind a symmetric NAT whose router maps ports', () => {
  let mesh: Mesh
  let router: PortMapper

  beforeAll(async () => {
    mesh = await startTwoSites({
      prepare: async (lab) => {
        await startDnsUpstream(lab.node(RESOLVER), {})
        router = await startPortMapper(lab.router('site-b'), { natPmp: false })
      },
    })
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('is reached directly from another site', async () => {
    await expect.poll(() => pathTo('beta'), { timeout: 60_000 }).toBe('direct')
    expect(await router.mappings()).toEqual(['20008 -> 192.168.1.10:20008'])
    expect(await mesh.agent('edge-2').admin('/statusz')).toMatch(/mapped.*upnp/s)
    expect(await mesh.agent('edge-2').metric('edgeway_tunnel_port_mappings', { protocol: 'upnp' })).toBe(1)
  })

  it('is asked of a router that does not answer, and the status says so', async () => {
    await expect
      .poll(() => mesh.agent('edge-1').admin('/statusz'), { timeout: 30_000 })
      .toContain('no-answer')
  })

  it('closes the router when it stops', async () => {
    await mesh.agent('edge-2').stop()
    expect(await router.mappings()).toEqual([])
  })

  async function pathTo(service: string): Promise<unknown> {
    const mark = await mesh.agent('edge-1').log.mark()
    await callUntil(clientOf(mesh, 'edge-1'), `http://${service}.apps/`, answeredBy(service))
    return await pathOf(mesh.agent('edge-1'), `apps/${service}:main`, mark)
  }
})
