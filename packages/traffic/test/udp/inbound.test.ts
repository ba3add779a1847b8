import type { Duplex } from 'node:stream'
import type { EndpointAddress, EndpointConnection, ServicePortName } from '@edgeway/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DatagramDecoder, encodeDatagram } from '../../src/udp/datagram-frames.ts'
import { ManualTimers } from '../manual-timers.ts'
import { eventuallyTrue, openDescriptors } from './eventually.ts'
import { closedEndpoint, echo, UdpEndpoint } from './udp-endpoint.ts'
import { UdpLab } from './udp-lab.ts'

const SERVICE = 'shop/meter:udp' as ServicePortName
const LONG_MS = 300_000

/** What another node has in hand of a flow. */
class FarNode {
  readonly heard: (string | number)[] = []
  readonly stream: Duplex
  isEnded = false
  isClosed = false

  constructor(stream: Duplex) {
    this.stream = stream
    const decoder = new DatagramDecoder({
      onDatagram: (datagram) =>
        void this.heard.push(datagram.length < 100 ? String(datagram) : datagram.length),
      onRefused: () => void this.heard.push('REFUSED'),
    })
    stream.on('data', (chunk: Buffer) => decoder.push(chunk))
    stream.on('end', () => (this.isEnded = true))
    stream.on('close', () => (this.isClosed = true))
    stream.on('error', () => {})
  }

  send(datagram: string | Buffer): void {
    this.stream.write(encodeDatagram(Buffer.from(datagram)))
  }
}

function dial(lab: UdpLab, endpoint: EndpointAddress): Promise<EndpointConnection> {
  return lab.forwarder.inbound.dial({ endpoint, service: SERVICE }, new AbortController().signal)
}

async function connect(lab: UdpLab, endpoint: EndpointAddress): Promise<FarNode> {
  const { stream } = await dial(lab, endpoint)
  onTestFinished(() => void stream.destroy())
  return new FarNode(stream)
}

describe('datagrams for other nodes', () => {
  it.each([0, 1_500, 65_507])(
    'of %i bytes reach an endpoint of this node, and its answers go back',
    async (size) => {
      const timers = new ManualTimers()
      await using lab = await UdpLab.start({ timers })
      await using server = await UdpEndpoint.start(echo)
      const far = await connect(lab, server.endpoint)

      far.send(Buffer.alloc(size, 'x'))

      await eventuallyTrue(() => far.heard.length === 1)
      expect(server.talker.heard).toEqual([Buffer.alloc(size, 'x')])
      expect(far.heard).toEqual([size === 0 ? '' : size])
      await timers.pass(1_000)
      for (const way of ['sent', 'received']) {
        const labels = { direction: 'inbound', way }
        expect(lab.deps.metrics.value('edgeway_traffic_udp_datagrams_total', labels)).toBe(1)
      }
    },
  )

  it('that nobody takes are told by a mark before the end, not by the end alone', async () => {
    await using lab = await UdpLab.start()
    const before = openDescriptors()
    const far = await connect(lab, await closedEndpoint())

    far.send('anybody?')

    await eventuallyTrue(() => far.isEnded)
    expect(far.heard).toEqual(['REFUSED'])
    far.stream.end()
    await eventuallyTrue(() => far.isClosed && openDescriptors() <= before)
  })

  it('end with the stream, and the socket goes', async () => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    const before = openDescriptors()
    const far = await connect(lab, server.endpoint)

    far.stream.end(encodeDatagram(Buffer.from('last')))

    await eventuallyTrue(() => far.isEnded && far.isClosed)
    expect(await server.talker.hears(1)).toEqual(['last'])
    await eventuallyTrue(() => openDescriptors() <= before)
  })

  it('end with a reset at once', async () => {
    await using lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    const before = openDescriptors()

    ;(await dial(lab, server.endpoint)).reset()

    await eventuallyTrue(() => openDescriptors() <= before)
  })

  it('end when nothing has come or gone for long, which is not a refusal', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start(echo)
    const far = await connect(lab, server.endpoint)

    await timers.pass(LONG_MS - 1_000)
    far.send('still here')
    await eventuallyTrue(() => far.heard.length === 1)
    await timers.pass(LONG_MS - 1_000)
    expect(far.isEnded).toBe(false)
    await timers.pass(2_000)

    await eventuallyTrue(() => far.isEnded)
    expect(far.heard).toEqual(['still here'])
  })

  it('end when the agent stops, and no more are taken', async () => {
    const lab = await UdpLab.start()
    await using server = await UdpEndpoint.start(echo)
    const far = await connect(lab, server.endpoint)

    await lab[Symbol.asyncDispose]()

    await eventuallyTrue(() => far.isEnded)
    await expect(dial(lab, server.endpoint)).rejects.toMatchObject({ failure: 'rejected', retryable: true })
  })

  it('that the tunnel does not take are dropped, beyond a bounded number', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using server = await UdpEndpoint.start()
    const { stream } = await dial(lab, server.endpoint)
    onTestFinished(() => void stream.destroy())
    stream.write(encodeDatagram(Buffer.from('subscribe')))
    await server.talker.hears(1)
    const [session] = server.talker.from

    await eventuallyTrue(() => {
      for (let count = 0; count < 5; count++)
        server.talker.send(Buffer.alloc(60_000), session ?? expect.unreachable())
      void timers.pass(1_000)
      const labels = { direction: 'inbound', reason: 'congested' }
      return lab.deps.metrics.value('edgeway_traffic_udp_drops_total', labels) > 50
    })

    expect(stream.readableLength).toBeLessThan(400_000)
  })

  it('can not be dialled where there is no way', async () => {
    await using lab = await UdpLab.start()
    const nowhere = { ...(await closedEndpoint()), ip: '255.255.255.255' }
    const before = openDescriptors()

    await expect(dial(lab, nowhere)).rejects.toMatchObject({ failure: 'unreachable' })
    await eventuallyTrue(() => openDescriptors() <= before)
  })

  it('are of UDP only', async () => {
    await using lab = await UdpLab.start()

    await expect(dial(lab, { ...(await closedEndpoint()), protocol: 'TCP' })).rejects.toThrow('not of UDP')
  })
})
