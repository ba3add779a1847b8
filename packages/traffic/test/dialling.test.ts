import { type Endpoint, formatEndpoint, type NodeName } from '@edgeway/core'
import { endpointsOf, FakeDialer, startTcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { DirectDialer, NodeAwareDialer } from '../src/index.ts'
import { eventually, failure, INTERCEPTIONS, NODE, TrafficLab } from './traffic-lab.ts'

/** Real connections to endpoints of this node, `faked` ones to those of others. */
function partlyFaked(faked: FakeDialer): NodeAwareDialer {
  const direct = new DirectDialer('local')
  return new NodeAwareDialer({
    nodeName: NODE,
    nodes: { node: () => undefined },
    local: direct,
    routed: direct,
    tunnel: faked,
  })
}

/** A port of loopback on which nobody listens. */
async function refusingEndpoint(): Promise<Endpoint> {
  await using gone = await startTcpEndpoint(() => {}, NODE)
  return gone.endpoint
}

const FAR = 'edge-2' as NodeName
const NEAREST_FIRST = { annotations: {} }

describe.each(INTERCEPTIONS)('Traffic with %s', (interception) => {
  it('goes round the endpoints that are ready', async () => {
    const name = (text: string) => startTcpEndpoint((socket) => void socket.resume().end(text), NODE)
    await using one = await name('one')
    await using two = await name('two')
    await using three = await name('three')
    await using lab = await TrafficLab.start({ interception })
    const endpoints = [one.endpoint, { ...two.endpoint, ready: false }, three.endpoint]
    const service = lab.addService('shop/web:http', endpoints, {
      annotations: { 'edgeway.io/balancing': 'round-robin' },
    })

    const answers: string[] = []
    for (let call = 0; call < 4; call++) answers.push(await lab.call(service))

    expect(answers.slice(0, 2).toSorted()).toEqual(['one', 'three'])
    expect(answers.slice(2)).toEqual(answers.slice(0, 2))
  })

  it('goes on to the next endpoint when one refuses', async () => {
    await using web = await startTcpEndpoint((socket) => void socket.resume().end('hello'), NODE)
    await using lab = await TrafficLab.start({ interception })
    const far = { ...web.endpoint, node: FAR }
    const service = lab.addService('shop/web:http', [far, await refusingEndpoint()], NEAREST_FIRST)

    expect(await lab.call(service)).toBe('hello')
    expect(await lab.flowsEnded()).toMatchObject([
      { outcome: 'completed', endpoint: formatEndpoint(far), attempts: 2 },
    ])
    expect(lab.deps.metrics.value('edgeway_traffic_dial_failures_total', { reason: 'refused' })).toBe(1)
  })

  it('resets the client when every endpoint refuses, and says why', async () => {
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [await refusingEndpoint(), await refusingEndpoint()])

    const client = await lab.connect(service)

    expect(await failure(client)).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([
      { outcome: 'dial-failed', service, error: { code: 'ERR_DIAL', failure: 'refused' } },
    ])
  })

  it('resets the client when no endpoint is ready, and says so', async () => {
    await using lab = await TrafficLab.start({ interception })
    const service = lab.addService('shop/web:http', [])

    const client = await lab.connect(service)

    expect(await failure(client)).toMatchObject({ code: 'ECONNRESET' })
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'no-endpoint', service }])
  })

  it('goes on to the next endpoint when one does not answer', async () => {
    const [silent, answering] = endpointsOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.1:80') as [
      Endpoint,
      Endpoint,
    ]
    const dialer = new FakeDialer()
    dialer.set(silent, 'silent')
    dialer.set(answering, ({ stream }) => void stream.resume().end('hello'))
    await using lab = await TrafficLab.start({ interception, dialer, dialTimeoutMs: 50 })
    const service = lab.addService('shop/web:http', [answering, silent], NEAREST_FIRST)

    expect(await lab.call(service)).toBe('hello')
    expect(await lab.call(service), 'by then it is left out').toBe('hello')
    expect(dialer.dialled.filter(({ endpoint }) => endpoint === silent)).toHaveLength(1)
    expect(lab.deps.metrics.value('edgeway_traffic_dial_failures_total', { reason: 'timeout' })).toBe(1)
  })

  it('serves others while an endpoint does not answer', async () => {
    const silent = endpointsOf('edge-2/10.1.0.1:80')
    const faked = new FakeDialer()
    for (const endpoint of silent) faked.set(endpoint, 'silent')
    await using web = await startTcpEndpoint((socket) => void socket.resume().end('hello'), NODE)
    await using lab = await TrafficLab.start({ interception, dialer: partlyFaked(faked), drainTimeoutMs: 0 })
    const stuck = lab.addService('shop/stuck:http', silent)
    const service = lab.addService('shop/web:http', [web.endpoint])
    for (let call = 0; call < 50; call++) await lab.connect(stuck)

    for (let call = 0; call < 10; call++) expect(await lab.call(service)).toBe('hello')

    await eventually(() => (faked.dialled.length === 50 ? true : undefined))
  })

  it('stops dialling for a client that has left', async () => {
    const endpoints = endpointsOf('edge-2/10.1.0.1:80')
    const dialer = new FakeDialer()
    for (const endpoint of endpoints) dialer.set(endpoint, 'silent')
    await using lab = await TrafficLab.start({ interception, dialer })
    const client = await lab.connect(lab.addService('shop/web:http', endpoints))
    client.write('hello')
    await eventually(() => dialer.dialled[0])

    client.resetAndDestroy()

    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'client-gone' }])
  })
})
