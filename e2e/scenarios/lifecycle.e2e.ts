import { endpointSliceObject, type Mesh, serviceObject, startHttpEcho } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil, endedAs } from '../support/call.ts'
import { report } from '../support/report.ts'
import { ALPHA, BETA, clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const NEW_SERVICE = { namespace: 'apps', name: 'new', clusterIp: '10.96.0.31', port: 80 }

describe('the mesh goes on', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('when the tunnel server is killed and started again, without help', async () => {
    const client = clientOf(mesh, 'edge-1')
    await callUntil(client, 'http://beta.apps/', answeredBy('beta'))

    await mesh.server.kill()
    expect(await call(client, 'http://alpha.apps/')).toMatchObject({ pod: 'alpha' })
    expect(await call(client, 'http://beta.apps/', 3)).not.toMatchObject({ kind: 'answer' })

    await mesh.server.start()
    report(
      'relayed calls after the tunnel server came back',
      await callUntil(client, 'http://beta.apps/', answeredBy('beta')),
    )
  })

  it('when an agent is killed: its node goes on, far calls are refused until it is back', async () => {
    const client = clientOf(mesh, 'edge-2')
    const agent = mesh.agent('edge-2')
    await agent.kill()
    expect(await call(agent.host, `http://${BETA.clusterIp}/`)).toMatchObject({ pod: 'beta' })
    expect(await call(agent.host, `http://${ALPHA.clusterIp}/`)).toEqual({ kind: 'refused' })

    await agent.start()
    await agent.whenReady()
    report(
      'calls to the other site after the agent came back',
      await callUntil(client, 'http://alpha.apps/', answeredBy('alpha')),
    )
    const far = clientOf(mesh, 'edge-1')
    report('calls from the other site', await callUntil(far, 'http://beta.apps/', answeredBy('beta')))
  })

  it('while Services come, change and go', async () => {
    const client = clientOf(mesh, 'edge-1')
    const pod = await mesh.lab.addPod('edge-2', { name: 'second', namespace: 'apps' })
    await startHttpEcho(pod, { port: POD_PORT })

    await mesh.kubectl.apply(
      serviceObject(NEW_SERVICE),
      endpointSliceObject(NEW_SERVICE, POD_PORT, [{ ip: pod.address, node: 'edge-2' }]),
    )
    report('a new Service', await callUntil(client, 'http://new.apps/', answeredBy('second')))

    await mesh.kubectl.apply(
      endpointSliceObject(NEW_SERVICE, POD_PORT, [{ ip: '10.244.1.11', node: 'edge-1' }]),
    )
    report('another endpoint', await callUntil(client, 'http://new.apps/', answeredBy('alpha')))

    await mesh.kubectl.apply(serviceObject({ ...NEW_SERVICE, port: 81 }))
    report('another port', await callUntil(client, 'http://new.apps:81/', answeredBy('alpha')))
    expect(await call(client, 'http://new.apps/', 3)).not.toMatchObject({ kind: 'answer' })

    await mesh.kubectl.apply(
      endpointSliceObject(NEW_SERVICE, POD_PORT, [{ ip: '10.244.1.11', node: 'edge-1', ready: false }]),
    )
    report('no ready endpoint', await callUntil(client, 'http://new.apps:81/', endedAs('refused')))

    await mesh.kubectl.delete(serviceObject(NEW_SERVICE))
    report('no Service', await callUntil(client, 'http://new.apps:81/', endedAs('no such name')))
  })

  it('and a clean stop leaves neither rules nor device', async () => {
    const agent = mesh.agent('cloud')

    expect(await agent.stop()).toEqual({ code: 0, signal: null })
    expect((await agent.host.exec(['nft', 'list', 'tables'])).stdout).not.toContain('edgeway')
    expect((await agent.host.exec(['ip', 'link', 'show', 'edgeway0'])).code).not.toBe(0)
  })
})
