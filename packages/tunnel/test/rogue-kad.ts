import type { Connection, Stream } from '@libp2p/interface'
import { type KadDHT, kadDHT, Record } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import type { AgentHost } from '../src/host/host.ts'
import { kadComponents } from '../src/node/dht/kad-components.ts'
import { DHT_PROTOCOL, DHT_STREAMS } from '../src/node/dht/limits.ts'

interface RogueBehaviour {
  /** What it answers for a key. */
  stored?(key: Uint8Array): Uint8Array | undefined
  /** PeerIds that it names whatever it is asked. */
  readonly named?: readonly string[]
}

/** A host that speaks the DHT's protocol, and checks nothing: it says, and gives others, what the test wants. */
export class RogueKad {
  readonly #kad: KadDHT
  readonly #host: AgentHost
  readonly #connections = new Map<string, Connection>()

  private constructor(kad: KadDHT, host: AgentHost) {
    this.#kad = kad
    this.#host = host
  }

  static async start(host: AgentHost, { stored, named = [] }: RogueBehaviour = {}): Promise<RogueKad> {
    const self: { rogue?: RogueKad } = {}
    const kad = kadDHT({
      protocol: DHT_PROTOCOL,
      clientMode: false,
      allowQueryWithZeroPeers: true,
      initialQuerySelfInterval: 1_000_000,
      kBucketSize: 1_000,
      networkDialTimeout: { minTimeout: 2_000, maxTimeout: 2_000 },
    })(
      kadComponents({
        node: host.node,
        isConnected: () => true,
        stored: (key) => {
          const value = stored?.(key)
          return value && new Record(key, value, new Date()).serialize()
        },
        openStream: async (peer) => {
          const connection = self.rogue?.connectionTo(peer.toString())
          if (connection === undefined) throw new Error('no connection')
          return await connection.newStream(DHT_PROTOCOL)
        },
        handle: (handler) => {
          const accept = (stream: Stream, connection: Connection) =>
            handler(stream, connection).catch(() => {})
          void host.node.handle(DHT_PROTOCOL, accept, DHT_STREAMS)
        },
      }),
    ) as KadDHT & { start(): Promise<void>; routingTable: { add(peer: unknown): Promise<void> } }
    await kad.start()
    await Promise.all(named.map((peerId) => kad.routingTable.add(peerIdFromString(peerId))))
    self.rogue = new RogueKad(kad, host)
    return self.rogue
  }

  connectionTo(peerId: string): Connection | undefined {
    return this.#connections.get(peerId)
  }

  /** Its questions go to the remote of that connection. */
  async use(connection: Connection): Promise<void> {
    this.#connections.set(connection.remotePeer.toString(), connection)
    const table = this.#kad as KadDHT & { routingTable: { add(peer: unknown): Promise<void> } }
    await table.routingTable.add(connection.remotePeer)
  }

  /** @returns how many have answered that they took the value */
  async put(key: Uint8Array, value: Uint8Array): Promise<number> {
    let taken = 0
    for await (const event of this.#kad.put(key, value))
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') taken++
    return taken
  }

  /** @returns how many have answered at all */
  async ask(key: Uint8Array): Promise<number> {
    let answers = 0
    for await (const event of this.#kad.get(key)) if (event.name === 'PEER_RESPONSE') answers++
    return answers
  }

  get peerId(): string {
    return this.#host.node.peerId.toString()
  }
}
