import { fileURLToPath } from 'node:url'
import type { LabHost, Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil } from '../support/call.ts'
import { DELTA_URL, NEIGHBOUR, startDelta } from '../support/delta.ts'
import { pathOf } from '../support/flows.ts'
import { report } from '../support/report.ts'
import { clientOf, startTwoSites } from '../support/two-sites.ts'

const SPOOFER = fileURLToPath(new URL('../support/spoofer.ts', import.meta.url))
const INTRUDER = { name: 'intruder', address: '192.168.1.66' }
const ALPHA_URL = 'http://alpha.apps/'

interface Status {
  readonly tunnel: { readonly peer: string; readonly cluster: string }
}

describe('the nodes of a LAN whose way to the internet is cut', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites({ neighbours: [NEIGHBOUR], lanHosts: [INTRUDER] })
    await startDelta(mesh)
    await callUntil(atEdge3(), ALPHA_URL, answeredBy('alpha'))
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  const atEdge1 = (): LabHost => clientOf(mesh, 'edge-1')
  const atEdge3 = (): LabHost => mesh.lab.pod('delta')

  it('go on calling each other', async () => {
    await expect.poll(() => pathNow('edge-1'), { timeout: 60_000 }).toBe('lan')
    await mesh.lab.setLink(mesh.lab.router('site-a'), 'down')

    for (let calls = 0; calls < 10; calls++) {
      expect(await call(atEdge1(), DELTA_URL)).toMatchObject({ kind: 'answer', pod: 'delta' })
      expect(await call(atEdge3(), ALPHA_URL)).toMatchObject({ kind: 'answer', pod: 'alpha' })
    }
  })

  it('connect anew after a restart', async () => {
    await mesh.agent('edge-1').kill()
    await mesh.agent('edge-1').start()
    report('calls after a restart', await callUntil(atEdge1(), DELTA_URL, answeredBy('delta')))

    expect(await call(atEdge3(), ALPHA_URL)).toMatchObject({ kind: 'answer', pod: 'alpha' })
    expect(await mesh.agent('edge-1').metric('edgeway_tunnel_neighbours')).toBe(1)
  })

  it('reach a node that starts with another address and knows no peer any more, and are reached', async () => {
    await mesh.agent('edge-3').kill()
    await mesh.agent('edge-3').removeData('peers.json')
    await mesh.lab.changeAddress('edge-3', '192.168.1.31')
    await mesh.agent('edge-3').start()
    const [out, back] = await Promise.all([
      callUntil(atEdge3(), ALPHA_URL, answeredBy('alpha')),
      callUntil(atEdge1(), DELTA_URL, answeredBy('delta')),
    ])
    report('calls from it', out)
    report('calls to it', back)

    expect(await mesh.agent('edge-3').metric('edgeway_tunnel_peers')).toBe(1)
    expect(await pathNow('edge-1')).toBe('lan')
  })

  it('send nothing to a host that announces itself under the name of one of them, and count it', async () => {
    const { tunnel } = JSON.parse(await mesh.agent('edge-3').admin('/statusz')) as Status
    const intruder = mesh.lab.node(INTRUDER.name)
    const spoofer = intruder.spawn([
      ...[process.execPath, SPOOFER],
      ...[tunnel.peer, tunnel.cluster, intruder.address],
    ])
    await spoofer.waitForOutput(/announced/)
    await Promise.all(['edge-1', 'edge-3'].map((node) => mesh.agent(node).kill()))
    await mesh.agent('edge-1').start()
    const spoofed = async (): Promise<number> => {
      await call(atEdge1(), DELTA_URL, 1)
      const outcome = { outcome: 'spoofed' }
      return await mesh.agent('edge-1').metric('edgeway_tunnel_neighbour_announcements_total', outcome)
    }
    await expect.poll(spoofed, { timeout: 60_000 }).toBeGreaterThan(1)

    await mesh.agent('edge-3').start()
    await callUntil(atEdge1(), DELTA_URL, answeredBy('delta'))
    for (let calls = 0; calls < 10; calls++)
      expect(await call(atEdge1(), DELTA_URL)).toMatchObject({ kind: 'answer', pod: 'delta' })
    expect(await spoofer.output()).not.toContain('flow')
  })

  it('call other sites again when it is back', async () => {
    await mesh.lab.setLink(mesh.lab.router('site-a'), 'up')
    await callUntil(atEdge1(), 'http://beta.apps/', answeredBy('beta'))
    await callUntil(atEdge3(), 'http://beta.apps/', answeredBy('beta'))
  })

  /** The path of a call from there to delta. */
  async function pathNow(node: 'edge-1'): Promise<unknown> {
    const mark = await mesh.agent(node).log.mark()
    await callUntil(clientOf(mesh, node), DELTA_URL, answeredBy('delta'))
    return await pathOf(mesh.agent(node), 'apps/delta:main', mark)
  }
})
