import { kernelFlows, type Mesh } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call } from '../support/call.ts'
import { pathOf } from '../support/flows.ts'
import { ALPHA, clientOf, GAMMA, IDLE, startTwoSites } from '../support/two-sites.ts'

describe('a call by Service name', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it.each([
    { from: 'edge-1', to: 'beta', node: 'edge-2', paths: ['relayed'] },
    { from: 'edge-2', to: 'alpha', node: 'edge-1', paths: ['relayed'] },
    { from: 'cloud', to: 'beta', node: 'edge-2', paths: ['relayed', 'direct'] },
    { from: 'edge-2', to: 'gamma', node: 'cloud', paths: ['direct'] },
  ] as const)('from a pod on $from reaches $to ($paths)', async ({ from, to, node, paths }) => {
    const mark = await mesh.agent(from).log.mark()

    expect(await call(clientOf(mesh, from), `http://${to}.apps/`)).toEqual({ kind: 'answer', pod: to, node })
    expect(paths).toContain(await pathOf(mesh.agent(from), `apps/${to}:main`, mark))
  })

  it('from a pod to one of its own node stays in the kernel', async () => {
    const client = clientOf(mesh, 'edge-1')
    const before = await kernelFlows(client, mesh.lab.pod('alpha'))

    expect(await call(client, 'http://alpha.apps/')).toEqual({ kind: 'answer', pod: 'alpha', node: 'edge-1' })
    expect(await kernelFlows(client, mesh.lab.pod('alpha'))).toBe(before + 1)
  })

  it('works by the full name, with and without the final dot, and from the same namespace by the short one', async () => {
    for (const name of [
      'beta',
      'beta.apps',
      'beta.apps.svc',
      'beta.apps.svc.cluster.local',
      'beta.apps.svc.cluster.local.',
    ])
      expect(await call(clientOf(mesh, 'edge-1'), `http://${name}/`)).toMatchObject({ pod: 'beta' })
  })

  it('works from a host process by ClusterIP', async () => {
    const host = mesh.lab.node('edge-1')
    const mark = await mesh.agent('edge-1').log.mark()

    expect(await call(host, `http://${GAMMA.clusterIp}/`)).toMatchObject({ pod: 'gamma' })
    expect(await pathOf(mesh.agent('edge-1'), 'apps/gamma:main', mark)).toBe('direct')
    expect(await call(host, `http://${ALPHA.clusterIp}/`)).toMatchObject({ pod: 'alpha' })
    expect(await kernelFlows(host, mesh.lab.pod('alpha'))).toBe(1)
  })

  it('ends with "no such name" for an unknown Service', async () => {
    for (const name of ['nobody', 'nobody.apps', 'nobody.apps.svc.cluster.local'])
      expect(await call(clientOf(mesh, 'edge-1'), `http://${name}/`)).toEqual({ kind: 'no such name' })
  })

  it('is refused, for pods and host processes, where nothing serves the Service', async () => {
    const refused = { kind: 'refused' }

    expect(await call(clientOf(mesh, 'edge-1'), 'http://idle.apps/')).toEqual(refused)
    expect(await call(mesh.lab.node('edge-1'), `http://${IDLE.clusterIp}/`)).toEqual(refused)
  })

  it('leaves names outside the cluster to the resolvers of the node, by UDP and by TCP', async () => {
    const pod = clientOf(mesh, 'edge-1')
    for (const transport of ['+notcp', '+tcp'])
      expect((await pod.exec(['dig', '+short', transport, 'www.example.com'])).stdout).toBe('45.80.0.80\n')
    expect((await pod.exec(['dig', 'nowhere.example.com'])).stdout).toContain('status: NXDOMAIN')
  })

  it('works without the original destination, by one listener per ServicePort', async () => {
    const agent = mesh.agent('edge-1')
    await agent.stop()
    await agent.start({ config: { traffic: { originalDestination: 'off' } } })
    await agent.whenReady()
    const rules = await agent.host.exec(['nft', 'list', 'map', 'inet', 'edgeway', 'agent4'])
    const listeners = new Set(
      [...rules.stdout.matchAll(/: 169\.254\.96\.16 \. (\d+)/g)].map(([, port]) => port),
    )

    // That of alpha, on this very node, is the kernel's business.
    expect(listeners.size).toBe(2)
    for (const pod of ['alpha', 'beta', 'gamma'])
      expect(await call(clientOf(mesh, 'edge-1'), `http://${pod}.apps/`)).toMatchObject({ pod })
  })
})
