import type { Duplex } from 'node:stream'
import type { FarEnd } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { DatagramDecoder, encodeDatagram, REFUSED_MARK } from '../../src/udp/datagram-frames.ts'
import { ManualTimers } from '../manual-timers.ts'
import { eventually, eventuallyTrue } from './eventually.ts'
import { closedEndpoint, farEndpoint, Talker } from './udp-endpoint.ts'
import { UdpLab } from './udp-lab.ts'

/** Datagrams as the other node finds them in the stream. */
function datagramsOf(stream: Duplex): Buffer[] {
  const datagrams: Buffer[] = []
  const decoder = new DatagramDecoder({
    onDatagram: (datagram) => void datagrams.push(datagram),
    onRefused: () => expect.unreachable(),
  })
  stream.on('data', (chunk: Buffer) => decoder.push(chunk))
  return datagrams
}

function answering({ stream }: FarEnd): void {
  const decoder = new DatagramDecoder({
    onDatagram: (datagram) => void stream.write(encodeDatagram(datagram)),
    onRefused: () => {},
  })
  stream.on('data', (chunk: Buffer) => decoder.push(chunk))
  stream.on('end', () => stream.end())
}

describe('a UDP session through the tunnel', () => {
  it.each([0, 1_500, 65_507])('carries datagrams of %i bytes both ways', async (size) => {
    await using lab = await UdpLab.start()
    await using client = await Talker.bind()
    const far = farEndpoint(9_000)
    lab.dialer.set(far, answering)
    const datagram = Buffer.alloc(size, 'x')

    expect(await client.ask(datagram, await lab.addService([far]))).toEqual(datagram)
    expect(lab.dialer.dialled).toEqual([{ endpoint: far, service: 'shop/meter:udp' }])
    expect(lab.reports.lines).toEqual(['connected 9000'])
  })

  it('has a stream for each client', async () => {
    await using lab = await UdpLab.start()
    await using one = await Talker.bind()
    await using two = await Talker.bind()
    const far = farEndpoint(9_000)
    lab.dialer.set(far, answering)
    const listener = await lab.addService([far])

    const answers = await Promise.all([one.ask('one', listener), two.ask('two', listener)])

    expect(answers.map(String)).toEqual(['one', 'two'])
    expect(lab.dialer.dialled).toHaveLength(2)
  })

  it('keeps the first datagrams while it connects, in order, and drops what is too much', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using client = await Talker.bind()
    const gate = Promise.withResolvers<void>()
    const far = farEndpoint(9_000)
    let datagrams: Buffer[] = []
    lab.dialer.set(far, ({ stream }) => {
      datagrams = datagramsOf(stream)
    })
    const { dialer } = lab
    await using slow = await UdpLab.start({
      timers,
      dialer: { dial: (target, signal) => gate.promise.then(() => dialer.dial(target, signal)) },
    })
    const listener = await slow.addService([far])

    for (let count = 0; count < 40; count++) client.send(`${count}`, listener)
    await eventually(() => {
      void timers.pass(1_000)
      return slow.dropped('queue-full') === 8 || undefined
    })
    gate.resolve()

    await eventuallyTrue(() => datagrams.length === 32)
    expect(datagrams.map(String)).toEqual(Array.from({ length: 32 }, (_, index) => `${index}`))
  })

  it.each([
    [
      'says that the port is closed',
      ({ stream }: FarEnd) => stream.end(REFUSED_MARK),
      { outcome: 'endpoint-refused', reports: ['failed 9000 refused'] },
    ],
    ['ends the session', ({ stream }: FarEnd) => stream.end(), { outcome: 'no-answer', reports: [] }],
    ['is lost', (far: FarEnd) => far.reset(), { outcome: 'cut', reports: ['failed 9000 reset'] }],
  ])('ends when the other node %s', async (_what, end, { outcome, reports }) => {
    await using lab = await UdpLab.start()
    await using client = await Talker.bind()
    const far = farEndpoint(9_000)
    let ended = false
    lab.dialer.set(far, (farEnd) => {
      farEnd.stream.on('end', () => (ended = true))
      farEnd.stream.once('data', () => {
        farEnd.stream.resume()
        end(farEnd)
      })
    })

    client.send('question', await lab.addService([far]))

    await eventuallyTrue(() => lab.records.length > 0)
    expect(lab.records).toMatchObject([{ outcome, endpoint: far, path: 'relayed', datagramsSent: 1 }])
    expect(lab.reports).toMatchObject({ lines: reports, open: 0 })
    if (outcome !== 'cut') await eventuallyTrue(() => ended)
  })

  it('lets go of a stream that it gets only after its end', async () => {
    const gate = Promise.withResolvers<void>()
    const { dialer } = new UdpLab()
    const far = farEndpoint(9_000)
    let isEnded = false
    dialer.set(far, ({ stream }) => void stream.resume().on('end', () => (isEnded = true)))
    const lab = await UdpLab.start({
      dialer: {
        async dial(target) {
          await gate.promise
          return await dialer.dial(target, new AbortController().signal)
        },
      },
    })
    await using client = await Talker.bind()
    client.send('question', await lab.addService([far]))
    await eventuallyTrue(() => lab.reports.open === 1)

    await lab[Symbol.asyncDispose]()
    gate.resolve()

    await eventuallyTrue(() => isEnded && lab.reports.open === 0)
    expect(lab.records).toMatchObject([{ outcome: 'cut', endpoint: undefined }])
  })

  it('ends its stream when it was silent for too long', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using client = await Talker.bind()
    const far = farEndpoint(9_000)
    let isEnded = false
    lab.dialer.set(far, (end) => {
      end.stream.on('end', () => (isEnded = true))
      answering(end)
    })
    await client.ask('question', await lab.addService([far]))

    await timers.pass(61_000)

    await eventuallyTrue(() => isEnded)
    expect(lab.records).toMatchObject([{ outcome: 'completed' }])
  })

  it('drops datagrams while the tunnel takes none, and never keeps more than a bounded number', async () => {
    const timers = new ManualTimers()
    await using lab = await UdpLab.start({ timers })
    await using client = await Talker.bind()
    const far = farEndpoint(9_000)
    const streams: Duplex[] = []
    lab.dialer.set(far, ({ stream }) => void streams.push(stream))
    const listener = await lab.addService([far])
    client.send('first', listener)
    const stream = await eventually(() => streams[0])

    await eventually(() => {
      for (let count = 0; count < 5; count++) client.send(Buffer.alloc(60_000), listener)
      void timers.pass(1_000)
      return lab.dropped('congested') > 100 || undefined
    })

    const held = datagramsOf(stream)
    await eventuallyTrue(() => held.length > 4)
    // 256 KiB here, as much in the stream's other end, and what is still on its way to the listener.
    expect(held.length).toBeLessThan(20)
  })

  it('bears any bytes from the other node, and others go on', async () => {
    await using lab = await UdpLab.start()
    await using victim = await Talker.bind()
    await using other = await Talker.bind()
    const [bad, good] = [farEndpoint(9_001), farEndpoint(9_002)]
    lab.dialer.set(good, answering)
    lab.dialer.set(bad, ({ stream }) => {
      stream.resume()
      for (let length = 65_508; length <= 65_534; length++) {
        const frame = Buffer.alloc(length <= 65_527 ? 2 + length : 2)
        frame.writeUInt16BE(length)
        stream.write(frame)
      }
      stream.write(Buffer.from('000474727565ff', 'hex'))
    })
    const listener = await lab.addService([bad])
    victim.send('question', listener)
    expect(await victim.hears(1)).toEqual(['true'])

    lab.services.set({ ...(lab.services.service('shop', 'meter') ?? expect.unreachable()) }, [good])

    expect(String(await other.ask('question', listener))).toBe('question')
  })

  it('is none to an endpoint of this node whose port is closed, whatever the tunnel could do', async () => {
    await using lab = await UdpLab.start()
    await using client = await Talker.bind()

    client.send('question', await lab.addService([await closedEndpoint()]))

    await eventuallyTrue(() => lab.records.length > 0)
    expect(lab.dialer.dialled).toEqual([])
  })
})
