import { duplexPair } from 'node:stream'
import {
  DialError,
  type Dialer,
  type Endpoint,
  type FlowRequest,
  formatEndpoint,
  type NodeName,
  type ServicePortName,
} from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { FlowJournal } from '../../src/account/flow-journal.ts'
import { DirectDialer } from '../../src/dial/direct-dialer.ts'
import { InboundFlows } from '../../src/inbound/inbound-flows.ts'
import { trafficMetrics } from '../../src/metrics.ts'
import { OpenFlows } from '../../src/open-flows.ts'
import { StreamRelay } from '../../src/relay/stream-relay.ts'
import { SYSTEM_TIMERS } from '../../src/timers.ts'
import { eventuallyTrue, openDescriptors } from './eventually.ts'
import { closedEndpoint, echo, NODE, Talker, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab, udpService } from './udp-lab.ts'

const FAR = 'edge-2' as NodeName
const SERVICE = 'shop/meter:udp' as ServicePortName

/** Two nodes with a tunnel in memory between them; the pods are on the far one. */
async function twoNodes(parts: AsyncDisposableStack) {
  const far = parts.use(await UdpLab.start())
  const { logger, metrics } = far.deps
  const counted = trafficMetrics(metrics)
  const { services } = far
  const open = new OpenFlows()
  const inbound = new InboundFlows(
    { dialTimeoutMs: 5_000, unknownTargetWaitMs: 5 },
    {
      nodeName: FAR,
      services,
      dialer: new DirectDialer('local'),
      datagrams: far.forwarder.inbound,
      journal: new FlowJournal(
        { flowLogSampleRatio: 1 },
        { logger, metrics: counted, services, timers: SYSTEM_TIMERS },
      ),
      trafficMetrics: counted,
      relay: new StreamRelay(),
      open,
      logger,
    },
  )
  const near = parts.use(await UdpLab.start({ dialer: tunnelTo(inbound) }))
  return { near, far, open, inbound }
}

function tunnelTo(inbound: InboundFlows): Dialer {
  return {
    async dial({ endpoint, service }, signal) {
      const answer = await inbound.open({ from: NODE, service, target: endpoint }, signal)
      if (answer.status !== 'ok' || !('serve' in answer))
        throw new DialError(endpoint, { failure: 'rejected', reason: answer.status })
      const [stream, farStream] = duplexPair()
      for (const end of [stream, farStream]) end.on('error', () => {})
      const reset = (): void => {
        stream.destroy()
        farStream.destroy(new Error('reset'))
      }
      answer.serve(farStream, () => {
        farStream.destroy()
        stream.destroy(new Error('reset'))
      })
      return { path: 'relayed', stream, reset }
    },
  }
}

function onFarNode(endpoint: Endpoint): Endpoint {
  return { ...endpoint, node: FAR }
}

describe('a UDP session from node to node', () => {
  it('brings datagrams there and back, and both sides let go of it together', async () => {
    await using parts = new AsyncDisposableStack()
    const { near, far, open } = await twoNodes(parts)
    await using server = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const endpoint = onFarNode(server.endpoint)
    far.services.set(udpService(), [endpoint])
    const listener = await near.addService([endpoint])
    const before = openDescriptors()

    for (const text of ['one', 'two', 'x'.repeat(65_507)])
      expect(String(await client.ask(text, listener))).toBe(text)
    near.services.delete('shop', 'meter')

    await open.drain(10_000)
    await eventuallyTrue(() => openDescriptors() <= before)
    expect(near.records).toMatchObject([{ datagramsSent: 3, datagramsReceived: 3, path: 'relayed' }])
    expect(far.deps.logger.lines).toContainEqual(
      expect.objectContaining({
        message: 'flow ended',
        fields: expect.objectContaining({
          direction: 'inbound',
          outcome: 'completed',
          endpoint: formatEndpoint(endpoint),
        }),
      }),
    )
  })

  it('tells the near node that the port of the pod is closed', async () => {
    await using parts = new AsyncDisposableStack()
    const { near, far, open } = await twoNodes(parts)
    await using client = await Talker.bind()
    const endpoint = onFarNode(await closedEndpoint())
    far.services.set(udpService(), [endpoint])

    client.send('anybody?', await near.addService([endpoint]))

    await eventuallyTrue(() => near.records.length > 0)
    expect(near.records).toMatchObject([{ outcome: 'endpoint-refused', endpoint }])
    expect(near.reports.lines).toEqual([`failed ${endpoint.port} refused`])
    await open.drain(10_000)
  })

  it('ends when the far node stops, which waits for none', async () => {
    await using parts = new AsyncDisposableStack()
    const { near, far, open, inbound } = await twoNodes(parts)
    await using server = await UdpEndpoint.start(echo)
    await using client = await Talker.bind()
    const endpoint = onFarNode(server.endpoint)
    far.services.set(udpService(), [endpoint])
    await client.ask('question', await near.addService([endpoint]))

    inbound.refuseNew()
    await far[Symbol.asyncDispose]()
    await open.drain(3_600_000)

    await eventuallyTrue(() => near.records.length > 0)
    expect(near.records).toMatchObject([{ outcome: 'completed' }])
  })
})

describe('a UDP flow of another node', () => {
  it.each<[string, Partial<Endpoint>, string]>([
    ['an endpoint of another node', { node: 'edge-9' as NodeName }, 'wrong-node'],
    ['what no Service lists', { port: 9 }, 'unknown-target'],
    ['the same port of TCP', { protocol: 'TCP' }, 'unknown-target'],
    ['an address that nothing leads to', { ip: '255.255.255.255' }, 'endpoint-unreachable'],
  ])('is refused for %s', async (_what, change, status) => {
    await using parts = new AsyncDisposableStack()
    const { far, inbound } = await twoNodes(parts)
    const listed = onFarNode(await closedEndpoint())
    const nowhere = { ...listed, ip: '255.255.255.255' }
    far.services.set(udpService(), [listed, nowhere])
    const request: FlowRequest = { from: NODE, service: SERVICE, target: { ...listed, ...change } }

    const answer = await inbound.open(request, new AbortController().signal)

    expect(answer.status).toBe(status)
  })
})
