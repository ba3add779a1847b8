import { endpointSliceObject, type Mesh, serviceObject, startHttpEcho } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredBy, call, callUntil } from '../support/call.ts'
import { report } from '../support/report.ts'
import { clientOf, POD_PORT, startTwoSites } from '../support/two-sites.ts'

const NODE = 'edge-1'
const PAIR = { namespace: 'apps', name: 'pair', clusterIp: '10.96.0.32', port: 80 }
const LATE = { namespace: 'apps', name: 'late', clusterIp: '10.96.0.33', port: 80 }
const CALLS = 20

interface Status {
  readonly metadata: {
    readonly source: { readonly state: string; readonly stale: boolean }
    readonly ownEndpoints: { readonly dead: number }
  }
}

describe('a node that is cut off', () => {
  let mesh: Mesh

  beforeAll(async () => {
    mesh = await startTwoSites()
    const pod = await mesh.lab.addPod(NODE, { name: 'second', namespace: 'apps', address: '10.244.1.50' })
    await startHttpEcho(pod, { port: POD_PORT })
    const endpoints = ['10.244.1.11', pod.address].map((ip) => ({ ip, node: NODE }))
    await mesh.kubectl.apply(serviceObject(PAIR), endpointSliceObject(PAIR, POD_PORT, endpoints))
  })
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  async function status(): Promise<Status['metadata']> {
    return (JSON.parse(await mesh.agent(NODE).admin('/statusz')) as Status).metadata
  }

  it('says so, keeps what it knows, and learns of what it missed when the link is back', async () => {
    const client = clientOf(mesh, NODE)
    await callUntil(client, 'http://pair.apps/', answeredBy('alpha'))
    await mesh.metaServer(NODE).setLink({ state: 'down' })
    await expect.poll(status, { timeout: 10_000 }).toMatchObject({ source: { stale: true } })
    await mesh.kubectl.apply(
      serviceObject(LATE),
      endpointSliceObject(LATE, POD_PORT, [{ ip: '10.244.1.11', node: NODE }]),
    )
    expect(await call(client, 'http://pair.apps/')).toMatchObject({ kind: 'answer' })
    expect(await call(client, 'http://late.apps/')).toEqual({ kind: 'no such name' })

    await mesh.metaServer(NODE).setLink({ state: 'up' })
    report(
      'a Service made meanwhile, after the link came back',
      await callUntil(client, 'http://late.apps/', answeredBy('alpha')),
    )
    // An answer from before may still be on its way.
    await expect
      .poll(status, { timeout: 20_000 })
      .toMatchObject({ source: { state: 'authoritative', stale: false } })
  })

  it('serves what it knew after a cold start with cloud, relay and MetaServer dead', async () => {
    const client = clientOf(mesh, NODE)
    await mesh.killApi()
    await mesh.server.kill()
    await mesh.agent(NODE).kill()
    await mesh.agent(NODE).start()
    report('local calls after the start', await callUntil(client, 'http://pair.apps/', answeredBy('alpha')))
    expect(await status()).toMatchObject({ source: { state: 'unreachable', stale: true } })
  })

  it('leaves out an endpoint of its own whose pod came back with another address', async () => {
    const client = clientOf(mesh, NODE)
    await mesh.lab.pod('second').remove()
    const pod = await mesh.lab.addPod(NODE, { name: 'third', namespace: 'apps', address: '10.244.1.51' })
    await startHttpEcho(pod, { port: POD_PORT })
    await expect.poll(status, { timeout: 20_000 }).toMatchObject({ ownEndpoints: { dead: 1 } })

    // The rules of the kernel follow a moment later.
    const kinds = async () => {
      const answers = await Promise.all(
        Array.from({ length: CALLS }, () => call(client, 'http://pair.apps/')),
      )
      return answers.map((answer) => answer.kind)
    }
    await expect.poll(kinds, { timeout: 10_000 }).toEqual(Array(CALLS).fill('answer'))
  })
})
