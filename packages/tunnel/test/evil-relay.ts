import { type Duplex, Transform } from 'node:stream'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { type AgentHost, type Host, startAgentHost, startServerHost } from '../src/host/host.ts'
import { MAX_STREAMS } from '../src/host/limits.ts'
import { StreamDuplex } from '../src/host/stream-duplex.ts'
import {
  decodeHopRequest,
  decodeStopStatus,
  encodeHopStatus,
  encodeStopConnect,
  HOP_PROTOCOL,
  readMessage,
  STOP_PROTOCOL,
} from '../src/protocol/circuit.ts'
import { never } from './stranger.ts'

const HERE = { listenHost: '127.0.0.1', listenPort: 0 }
const MANY = { maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS }
const MINUTE_SECONDS = 60

/** What a relay does with what it should only pass on. */
export interface Evil {
  /** Whom it asks to take a circuit, instead of the one who was asked for; a PeerId. */
  readonly leadTo?: string
  /** Whom it names as the one who asks, instead of the one who did; a multihash. */
  readonly nameAsker?: Uint8Array
  /** Called with all bytes of both directions; what it returns goes on. */
  readonly pass?: (bytes: Buffer) => Buffer
}

/** A tunnel server's relay that was modified: it lets everybody in and does `evil` to each circuit. */
export class EvilRelay implements AsyncDisposable {
  evil: Evil = {}
  /** How many it gave. */
  reservations = 0
  /** All that went through circuits. */
  readonly seen: Buffer[] = []
  readonly #host: Host
  readonly #reserved = new Map<string, Connection>()

  private constructor(host: Host) {
    this.#host = host
  }

  static async start(): Promise<EvilRelay> {
    const key = await generateKeyPair('Ed25519')
    const host = await startServerHost({ ...HERE, key, gater: {} })
    const relay = new EvilRelay(host)
    await host.node.handle(HOP_PROTOCOL, (stream, connection) => relay.#serve(stream, connection), MANY)
    return relay
  }

  get address(): string {
    return `${this.#host.listenAddresses()[0]}/p2p/${this.#host.node.peerId}`
  }

  /** The address of a circuit to that peer. */
  to(peerId: string): string {
    return `${this.address}/p2p-circuit/p2p/${peerId}`
  }

  /** A peer that holds a reservation here. */
  async peer(): Promise<AgentHost & AsyncDisposable> {
    const key = await generateKeyPair('Ed25519')
    const host = await startAgentHost({ ...HERE, key, gater: {} })
    const { remotePeer } = await host.dial(multiaddr(this.address), never)
    await host.reserve(remotePeer)
    return { ...host, [Symbol.asyncDispose]: () => host.stop() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.stop()
  }

  async #serve(hop: Stream, connection: Connection): Promise<void> {
    const request = decodeHopRequest(await readMessage(hop, never))
    if (request.type === 'reserve') {
      this.#reserved.set(connection.remotePeer.toString(), connection)
      // Ends so soon that each request is a new one.
      hop.send(encodeHopStatus('ok', Math.floor(Date.now() / 1_000) + MINUTE_SECONDS))
      this.reservations++
      await hop.close()
      return
    }
    const { leadTo, nameAsker } = this.evil
    const asked = [...this.#reserved.values()].find(({ remotePeer }) =>
      Buffer.from(remotePeer.toMultihash().bytes).equals(request.peer),
    )
    const taker = leadTo === undefined ? asked : this.#reserved.get(leadTo)
    if (taker === undefined) throw new Error('nobody there')
    const stop = await taker.newStream(STOP_PROTOCOL, MANY)
    stop.send(encodeStopConnect(nameAsker ?? connection.remotePeer.toMultihash().bytes))
    if (!decodeStopStatus(await readMessage(stop, never))) throw new Error('not taken')
    hop.send(encodeHopStatus('ok'))
    const [one, two] = [new StreamDuplex(hop), new StreamDuplex(stop)]
    this.#forward(one, two)
    this.#forward(two, one)
  }

  #forward(from: Duplex, to: Duplex): void {
    const { seen } = this
    const between = new Transform({
      transform: (bytes: Buffer, _encoding, done) => {
        seen.push(Buffer.from(bytes))
        done(null, this.evil.pass?.(Buffer.from(bytes)) ?? bytes)
      },
    })
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(between).pipe(to)
  }
}
