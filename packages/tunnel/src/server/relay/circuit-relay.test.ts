import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { FakeComponentDeps } from '@edgeway/testbed'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { type Host, startServerHost } from '../../host/host.ts'
import { StreamDuplex } from '../../host/stream-duplex.ts'
import { createServerMetrics } from '../../metrics.ts'
import { decodeHopRequest, HOP_PROTOCOL, readMessage, STOP_PROTOCOL } from '../../protocol/circuit.ts'
import { CircuitRelay } from './circuit-relay.ts'
import { DEFAULT_RELAY_QUOTA, type RelayQuota } from './relay-quota.ts'

const MIB = 1024 * 1024
const never = new AbortController().signal
const RESERVE = Buffer.from('020800', 'hex')
/** STOP status OK, and STOP status RESOURCE_LIMIT_EXCEEDED. */
const TAKEN = Buffer.from('0408012064', 'hex')
const NOT_TAKEN = Buffer.from('05080120c901', 'hex')

/** A relay with two peers whose side of the protocol the test speaks; `taker` holds a reservation. */
class Circle implements AsyncDisposable {
  readonly hosts: { readonly relay: Host; readonly asker: Host; readonly taker: Host }
  readonly deps = new FakeComponentDeps()
  asker!: Connection
  taker!: Connection

  private constructor(relay: Host, asker: Host, taker: Host) {
    this.hosts = { relay, asker, taker }
  }

  static async create(handshakeTimeoutMs: number, quota: Partial<RelayQuota> = {}): Promise<Circle> {
    const circle = new Circle(await newHost(), await newHost(), await newHost())
    const { relay, asker, taker } = circle.hosts
    const circuits = new CircuitRelay({
      ...{ isJoined: () => true, judged: async () => {}, seen: () => {}, handshakeTimeoutMs },
      quota: { ...DEFAULT_RELAY_QUOTA, ...quota },
      ...{ logger: circle.deps.logger, metrics: createServerMetrics(circle.deps.metrics) },
    })
    await relay.node.handle(HOP_PROTOCOL, (stream, connection) => circuits.serve(stream, connection))
    const address = multiaddr(`${relay.listenAddresses()[0]}/p2p/${relay.node.peerId}`)
    circle.asker = await asker.dial(address, never)
    circle.taker = await taker.dial(address, never)
    expect(await circle.reserve()).toBe(100)
    return circle
  }

  async reserve(): Promise<number> {
    const stream = await this.startReserving()
    const status = await statusIn(stream)
    await stream.close()
    return status
  }

  async startReserving(): Promise<Stream> {
    const stream = await this.taker.newStream(HOP_PROTOCOL)
    stream.send(RESERVE)
    return stream
  }

  /** From now on the taker's side is on a connection of its own. */
  async connectTaker(): Promise<void> {
    const { relay, taker } = this.hosts
    this.taker = await taker.dial(multiaddr(`${relay.listenAddresses()[0]}/p2p/${relay.node.peerId}`), never)
  }

  /** Asks for a circuit that nobody is asked to take: the status that comes back. */
  async askRefused({ from, to } = { from: this.asker, to: this.hosts.taker }): Promise<number> {
    const hop = await from.newStream(HOP_PROTOCOL)
    hop.send(connectTo(to))
    const status = await statusIn(hop)
    await hop.close()
    return status
  }

  get openCircuits(): number {
    return this.deps.metrics.value('edgeway_tunnel_server_open_circuits')
  }

  /** Waits until a number grows no more while everybody had many turns. */
  async quiet(count: () => number): Promise<void> {
    for (let turns = 0, last = -1; turns < 500; turns++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (count() !== last) turns = 0
      last = count()
    }
  }

  /** Asks for a circuit to `taker`: the stream of each end at the moment when `taker` was asked. */
  async ask(): Promise<{ hop: Stream; stop: Stream }> {
    const offered = Promise.withResolvers<Stream>()
    await this.hosts.taker.node.handle(STOP_PROTOCOL, (stream) => offered.resolve(stream), { force: true })
    const hop = await this.asker.newStream(HOP_PROTOCOL)
    hop.send(connectTo(this.hosts.taker))
    const stop = await offered.promise
    await readMessage(stop, never)
    return { hop, stop }
  }

  /** How many streams the relay keeps. */
  get kept(): number {
    return this.hosts.relay.node.getConnections().flatMap(({ streams }) => streams).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Object.values(this.hosts).map((host) => host.stop()))
  }
}

function connectTo({ node }: Host): Buffer {
  const id = node.peerId.toMultihash().bytes
  const peer = Buffer.concat([Buffer.from([0x0a, id.length]), id])
  const message = Buffer.concat([Buffer.from([0x08, 0x01, 0x12, peer.length]), peer])
  expect(decodeHopRequest(message).type).toBe('connect')
  return Buffer.concat([Buffer.from([message.length]), message])
}

async function newHost(): Promise<Host> {
  const key = await generateKeyPair('Ed25519')
  return startServerHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
}

/** The last field of a HOP status. */
async function statusIn(stream: Stream): Promise<number> {
  const message = Buffer.from(await readMessage(stream, never))
  const low = message.at(-2) ?? 0
  return low < 0x80 ? (message.at(-1) ?? 0) : (low & 0x7f) + 128 * (message.at(-1) ?? 0)
}

describe('the circuit relay', () => {
  it('makes no circuit to a peer that does not speak its protocol, and keeps no stream', async () => {
    await using circle = await Circle.create(60_000)
    const hop = await circle.asker.newStream(HOP_PROTOCOL)
    const ended = new Promise((resolve) => hop.addEventListener('close', resolve))
    hop.send(connectTo(circle.hosts.taker))
    await ended

    expect(hop.status).not.toBe('open')
    await vi.waitFor(() => expect(circle.kept).toBe(0), 10_000)
  })

  it('tells a peer whose circuit was not taken, and keeps no stream of it', async () => {
    await using circle = await Circle.create(60_000)
    const { hop, stop } = await circle.ask()
    stop.send(NOT_TAKEN)

    expect(await statusIn(hop)).toBe(203)
    await hop.close()
    await vi.waitFor(() => expect(circle.kept).toBe(0), 10_000)
  })

  it('resets the stream to the one that takes a circuit when the one that asked has gone meanwhile', async () => {
    await using circle = await Circle.create(60_000)
    const { hop, stop } = await circle.ask()
    const ended = once(stop, 'close')
    hop.abort(new Error('changed my mind'))
    await vi.waitFor(() => expect(circle.kept).toBe(1), 10_000)
    stop.send(TAKEN)
    stop.resume()

    expect((await ended)[0]).toMatchObject({ error: { name: 'StreamResetError' } })
    await vi.waitFor(() => expect(circle.kept).toBe(0), 10_000)
  })

  it('keeps no stream of a peer that got its answer and does not close its side', async () => {
    await using circle = await Circle.create(1_000)
    expect(await statusIn(await circle.startReserving())).toBe(100)

    await vi.waitFor(() => expect(circle.kept).toBe(0), 10_000)
  })

  it('keeps one reservation of a peer that reserves again and again', async () => {
    await using circle = await Circle.create(60_000)
    const connection = circle.hosts.relay.node.getConnections(circle.hosts.taker.node.peerId)[0]
    const listeners = (): number =>
      (connection as unknown as { listenerCount(type: string): number }).listenerCount('close')
    const before = listeners()
    for (let i = 0; i < 5; i++) expect(await circle.reserve()).toBe(100)

    expect(listeners()).toBe(before)
    expect(circle.deps.metrics.value('edgeway_tunnel_server_reservations')).toBe(1)
  })
})

describe('the quota of a member', () => {
  it('refuses one circuit more, by its own status and reason, and gives the place back when a circuit ends', async () => {
    await using circle = await Circle.create(60_000, { circuitsPerMember: 1 })
    const first = await circle.ask()
    first.stop.send(TAKEN)
    expect(await statusIn(first.hop)).toBe(100)

    const second = await circle.askRefused()
    expect(second).toBe(201)
    const refusals = 'edgeway_tunnel_server_refusals_total'
    expect(circle.deps.metrics.value(refusals, { reason: 'circuit-quota' })).toBe(1)
    expect(circle.deps.logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      {
        message: 'refused to serve a member beyond its quota',
        fields: { reason: 'circuit-quota', peer: circle.hosts.asker.node.peerId.toString(), limit: 1 },
      },
    ])

    first.hop.abort(new Error('not needed any more'))
    await vi.waitFor(() => expect(circle.openCircuits).toBe(0), 10_000)
    const third = await circle.ask()
    third.stop.send(TAKEN)
    expect(await statusIn(third.hop)).toBe(100)
  })

  it('gives the place back that a circuit held which was not taken', async () => {
    await using circle = await Circle.create(60_000, { circuitsPerMember: 1 })
    for (let round = 0; round < 3; round++) {
      const { hop, stop } = await circle.ask()
      stop.send(NOT_TAKEN)
      expect(await statusIn(hop)).toBe(203)
      await hop.close()
      await vi.waitFor(() => expect(circle.kept).toBe(0), 10_000)
    }
  })

  it('does not count circuits that others asked for', async () => {
    await using circle = await Circle.create(60_000, { circuitsPerMember: 1 })
    const { hop, stop } = await circle.ask()
    stop.send(TAKEN)
    expect(await statusIn(hop)).toBe(100)

    // Nobody reserved there, but it was allowed to ask.
    expect(await circle.askRefused({ from: circle.taker, to: circle.hosts.asker })).toBe(204)
  })

  it('refuses to reserve on one connection more, and takes the next one when one of them is closed', async () => {
    await using circle = await Circle.create(60_000, { reservationsPerMember: 2 })
    const first = circle.taker
    await circle.connectTaker()
    expect(await circle.reserve()).toBe(100)
    await circle.connectTaker()
    expect(await circle.reserve()).toBe(201)
    const refusals = 'edgeway_tunnel_server_refusals_total'
    expect(circle.deps.metrics.value(refusals, { reason: 'reservation-quota' })).toBe(1)

    await first.close()
    await vi.waitFor(async () => expect(await circle.reserve()).toBe(100), 10_000)
    expect(circle.deps.metrics.value('edgeway_tunnel_server_reservations')).toBe(1)
  })

  it('holds back bytes beyond the bandwidth without losing any, also those before an end', async () => {
    await using circle = await Circle.create(60_000, { bitsPerSecondPerMember: 1_000_000 })
    const { hop, stop } = await circle.ask()
    stop.send(TAKEN)
    expect(await statusIn(hop)).toBe(100)
    const sent = randomBytes(200 * 1024)
    const [asker, taker] = [new StreamDuplex(hop), new StreamDuplex(stop)]
    asker.end(sent)
    taker.end('and back')

    const [there, back] = await Promise.all([bytesOf(taker), bytesOf(asker)])
    expect(there.equals(sent)).toBe(true)
    expect(back.toString()).toBe('and back')
    await vi.waitFor(() => expect(circle.kept).toBe(0), 10_000)
  })

  it('stops who sends beyond the bandwidth', async () => {
    await using circle = await Circle.create(60_000, { bitsPerSecondPerMember: 1_000 })
    const { hop, stop } = await circle.ask()
    stop.send(TAKEN)
    expect(await statusIn(hop)).toBe(100)
    stop.addEventListener('message', () => {})
    stop.resume()
    const asker = new StreamDuplex(hop)
    let sent = 0
    const write = (): void => {
      while (sent < 64 * MIB && !asker.writableNeedDrain) {
        sent += 64 * 1024
        asker.write(Buffer.alloc(64 * 1024))
      }
    }
    asker.on('drain', write)
    write()
    await circle.quiet(() => sent)

    // A window of the stream, and the buffer of what it sends from.
    expect(sent).toBeLessThan(4 * MIB)
    const closed = once(stop, 'close')
    asker.reset()
    await closed
  })
})

/** Without an iterator: it would destroy the stream, and its other direction, at the end of this one. */
async function bytesOf(stream: StreamDuplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks)
}
