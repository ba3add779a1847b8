import { once } from 'node:events'
import { FakeComponentDeps } from '@edgeway/testbed'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { type Host, startServerHost } from '../host/host.ts'
import { createServerMetrics } from '../metrics.ts'
import { decodeHopRequest, HOP_PROTOCOL, readMessage, STOP_PROTOCOL } from '../protocol/circuit.ts'
import { CircuitRelay } from './circuit-relay.ts'

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

  static async create(handshakeTimeoutMs: number): Promise<Circle> {
    const circle = new Circle(await newHost(), await newHost(), await newHost())
    const { relay, asker, taker } = circle.hosts
    const circuits = new CircuitRelay({
      ...{ isJoined: () => true, seen: () => {}, handshakeTimeoutMs },
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

  /** Asks for a circuit to `taker`: the stream of each end at the moment when `taker` was asked. */
  async ask(): Promise<{ hop: Stream; stop: Stream }> {
    const offered = Promise.withResolvers<Stream>()
    await this.hosts.taker.node.handle(STOP_PROTOCOL, (stream) => offered.resolve(stream), { force: true })
    const hop = await this.asker.newStream(HOP_PROTOCOL)
    const id = this.hosts.taker.node.peerId.toMultihash().bytes
    const peer = Buffer.concat([Buffer.from([0x0a, id.length]), id])
    const message = Buffer.concat([Buffer.from([0x08, 0x01, 0x12, peer.length]), peer])
    expect(decodeHopRequest(message).type).toBe('connect')
    hop.send(Buffer.concat([Buffer.from([message.length]), message]))
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
