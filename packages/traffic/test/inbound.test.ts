import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { FlowAnswer, FlowRequest, NodeName, ServicePortName } from '@edgeway/core'
import { endpointsOf, startTcpEndpoint, type TcpEndpoint } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { eventually, NODE, openDescriptors, TrafficLab } from './traffic-lab.ts'

const SERVICE = 'shop/web:http' as ServicePortName
const FROM = 'edge-2' as NodeName

const echo = (socket: Socket): void => void socket.pipe(socket)

function requestTo(target: FlowRequest['target'], service?: ServicePortName): FlowRequest {
  return { from: FROM, service, target }
}

function open(
  lab: TrafficLab,
  request: FlowRequest,
  signal = new AbortController().signal,
): Promise<FlowAnswer> {
  return lab.traffic.inbound.open(request, signal)
}

/** The ways that an accepted flow may go on. */
async function accepted(answer: Promise<FlowAnswer>): Promise<Extract<FlowAnswer, { status: 'ok' }>> {
  const { status, ...rest } = await answer
  if (status !== 'ok' || !('serve' in rest)) throw new Error(`refused as ${status}`)
  return { status, ...rest }
}

/** The flow's stream, and its other end in the hands of the node that asked. */
function flowStream(): { readonly near: Duplex; readonly far: Duplex; reset(): void } {
  const [near, far] = duplexPair()
  for (const stream of [near, far]) stream.on('error', () => {})
  const reset = (): void => {
    near.destroy()
    far.destroy(new Error('reset'))
  }
  return { near, far, reset }
}

async function startListed(lab: TrafficLab, serve: (socket: Socket) => void = echo): Promise<TcpEndpoint> {
  const server = await startTcpEndpoint(serve, NODE)
  lab.addService(SERVICE, [server.endpoint])
  return server
}

describe('flows of other nodes', () => {
  it('reach an endpoint of this node, bytes and ends both ways', async () => {
    await using lab = await TrafficLab.start()
    await using web = await startListed(lab)
    const { near, far, reset } = flowStream()
    const answer = await accepted(open(lab, requestTo(web.endpoint, SERVICE)))

    answer.serve(near, reset)
    far.end('hello')

    expect(await text(far)).toBe('hello')
    expect(await lab.flowsEnded()).toMatchObject([
      {
        direction: 'inbound',
        client: FROM,
        service: SERVICE,
        path: 'local',
        outcome: 'completed',
        bytesSent: 5,
        bytesReceived: 5,
      },
    ])
  })

  it('reach an endpoint in any condition: the caller has chosen', async () => {
    await using lab = await TrafficLab.start()
    await using web = await startTcpEndpoint(echo, NODE)
    lab.addService(SERVICE, [{ ...web.endpoint, ready: false }])

    const answer = await accepted(open(lab, requestTo(web.endpoint)))

    answer.abandon()
  })

  it('pass a reset on to the endpoint, and one of the endpoint back', async () => {
    await using lab = await TrafficLab.start()
    const served: Socket[] = []
    await using web = await startListed(lab, (socket) => void served.push(socket.resume()))
    for (const resetBy of ['caller', 'endpoint'] as const) {
      const { near, far, reset } = flowStream()
      const answer = await accepted(open(lab, requestTo(web.endpoint)))
      answer.serve(near, reset)
      const endpoint = await eventually(() => served.pop())
      const other = resetBy === 'caller' ? endpoint : far
      const failed = once(other, 'error')

      if (resetBy === 'caller') near.destroy(new Error('reset'))
      else endpoint.resetAndDestroy()

      await failed
    }
    expect(await lab.flowsEnded(2)).toMatchObject([
      { outcome: 'client-reset' },
      { outcome: 'endpoint-reset' },
    ])
  })

  it('are refused for an endpoint of another node', async () => {
    await using lab = await TrafficLab.start()
    const [target] = endpointsOf('edge-9/10.1.0.1:80')
    lab.addService(SERVICE, target === undefined ? [] : [target])

    const answer = await open(lab, requestTo(target ?? expect.fail(), SERVICE))

    expect(answer.status).toBe('wrong-node')
    expect(lab.deps.logger.lines).toContainEqual({
      level: 'warn',
      message: 'flow of another node refused',
      fields: expect.objectContaining({ from: FROM, service: SERVICE, target: 'edge-9/10.1.0.1:80/TCP' }),
    })
    expect(refusals(lab, 'wrong-node')).toBe(1)
  })

  it('are refused for what no Service lists on this node, even where something listens', async () => {
    let connections = 0
    await using stray = await startTcpEndpoint(() => void connections++, NODE)
    await using lab = await TrafficLab.start({ unknownTargetWaitMs: 5 })
    lab.addService(SERVICE, endpointsOf(`edge-9/127.0.0.1:${stray.endpoint.port}`))

    const answer = await open(lab, requestTo(stray.endpoint, SERVICE))

    expect(answer.status).toBe('unknown-target')
    expect(connections).toBe(0)
    expect(refusals(lab, 'unknown-target')).toBe(1)
  })

  it('wait for an endpoint that the directory is about to learn of', async () => {
    await using web = await startTcpEndpoint(echo, NODE)
    await using lab = await TrafficLab.start({ unknownTargetWaitMs: 20_000 })
    const answer = accepted(open(lab, requestTo(web.endpoint, SERVICE)))

    lab.addService(SERVICE, [])
    lab.addService('shop/other:http', [web.endpoint])

    ;(await answer).abandon()
    expect(refusals(lab, 'unknown-target')).toBe(0)
  })

  it('are asked to come again while the directory was never filled', async () => {
    await using lab = await TrafficLab.start({ unknownTargetWaitMs: 5 })
    lab.services.loaded = false
    const [target] = endpointsOf('edge-1/10.1.0.1:80')

    expect((await open(lab, requestTo(target ?? expect.fail()))).status).toBe('starting')
  })

  it('are refused by what their endpoint does', async () => {
    await using lab = await TrafficLab.start()
    const gone = await startListed(lab)
    await gone[Symbol.asyncDispose]()
    const [nowhere] = endpointsOf('edge-1/255.255.255.255:80')
    lab.addService('shop/nowhere:http', nowhere === undefined ? [] : [nowhere])

    expect((await open(lab, requestTo(gone.endpoint))).status).toBe('endpoint-refused')
    expect((await open(lab, requestTo(nowhere ?? expect.fail()))).status).toBe('endpoint-unreachable')
    expect(refusals(lab, 'endpoint-refused')).toBe(1)
    expect(await eventually(() => lab.deps.metrics.value('edgeway_traffic_active_flows', IN))).toBe(0)
  })

  it('are refused for a UDP endpoint that only has a namesake of TCP', async () => {
    await using lab = await TrafficLab.start({ unknownTargetWaitMs: 1 })
    const [target] = endpointsOf('edge-1/10.1.0.1:53')
    lab.addService('shop/dns:dns', target === undefined ? [] : [target])

    const answer = await open(lab, requestTo({ ...(target ?? expect.fail()), protocol: 'UDP' }))

    expect(answer.status).toBe('unknown-target')
  })

  it('are given up, not refused, when the caller leaves meanwhile or has left before', async () => {
    await using lab = await TrafficLab.start({ unknownTargetWaitMs: 20_000 })
    const [target] = endpointsOf('edge-1/10.1.0.1:80')
    const leaving = new AbortController()
    const answers = [
      open(lab, requestTo(target ?? expect.fail()), leaving.signal),
      open(lab, requestTo(target ?? expect.fail()), AbortSignal.abort()),
    ]

    leaving.abort()

    for (const answer of answers) expect((await answer).status).not.toBe('ok')
    expect(lab.deps.logger.lines.filter(({ level }) => level === 'warn')).toEqual([])
  })

  it('leave nothing behind when the caller abandons them', async () => {
    await using lab = await TrafficLab.start()
    await using web = await startListed(lab, (socket) => void socket.resume())
    const before = openDescriptors()

    ;(await accepted(open(lab, requestTo(web.endpoint, SERVICE)))).abandon()

    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'client-gone' }])
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })

  it('may name what they like without growing the metrics', async () => {
    await using lab = await TrafficLab.start()
    await using web = await startListed(lab)
    const { near, far, reset } = flowStream()
    const answer = await accepted(open(lab, requestTo(web.endpoint, 'no/such' as ServicePortName)))
    answer.serve(near, reset)
    far.end()
    await text(far)

    expect(await lab.flowsEnded()).toMatchObject([{ service: 'no/such' }])
    const labels = { direction: 'inbound', service: 'unknown', path: 'local', outcome: 'completed' }
    expect(lab.deps.metrics.value('edgeway_traffic_flows_total', labels)).toBe(1)
  })

  it('can not fill the log, however many of them are refused', async () => {
    await using lab = await TrafficLab.start()
    const [target] = endpointsOf('edge-9/10.1.0.1:80')

    for (let count = 0; count < 200; count++) await open(lab, requestTo(target ?? expect.fail(), SERVICE))

    expect(lab.deps.logger.lines.filter(({ level }) => level === 'warn').length).toBeLessThan(50)
    expect(refusals(lab, 'wrong-node')).toBe(200)
  })

  it('are refused while the node stops, which waits for those that are open', async () => {
    await using lab = await TrafficLab.start()
    await using web = await startListed(lab)
    const { near, far, reset } = flowStream()
    const answer = await accepted(open(lab, requestTo(web.endpoint)))
    answer.serve(near, reset)

    const stopped = lab.traffic[Symbol.asyncDispose]()
    const late = await open(lab, requestTo(web.endpoint))
    far.end('still here')

    expect(late.status).toBe('draining')
    expect(await text(far)).toBe('still here')
    await stopped
    expect(await lab.flowsEnded()).toMatchObject([{ outcome: 'completed' }])
  })

  it('are cut at the end of the drain, at whatever stage they are', async () => {
    await using lab = await TrafficLab.start({ drainTimeoutMs: 20, unknownTargetWaitMs: 20_000 })
    await using web = await startListed(lab)
    const [unknown] = endpointsOf('edge-1/10.1.0.9:80')
    const served = flowStream()
    const late = flowStream()
    const waiting = open(lab, requestTo(unknown ?? expect.fail()))
    const answered = await accepted(open(lab, requestTo(web.endpoint)))
    ;(await accepted(open(lab, requestTo(web.endpoint)))).serve(served.near, served.reset)
    const failed = [once(served.far, 'error'), once(late.far, 'error')]

    await lab.traffic[Symbol.asyncDispose]()
    answered.serve(late.near, late.reset)

    await Promise.all(failed)
    expect((await waiting).status).toBe('draining')
    expect(await lab.flowsEnded(2)).toMatchObject([{ outcome: 'cut' }, { outcome: 'cut' }])
  })
})

const IN = { direction: 'inbound' }

function refusals(lab: TrafficLab, reason: string): number {
  return lab.deps.metrics.value('edgeway_traffic_inbound_refusals_total', { reason })
}
