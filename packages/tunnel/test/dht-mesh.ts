import { randomBytes } from 'node:crypto'
import type { NodeName } from '@edgeway/core'
import { MemoryLogger } from '@edgeway/testbed'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { type AgentHost, startAgentHost } from '../src/host/host.ts'
import type { ClusterKeys } from '../src/identity/cluster-keys.ts'
import { signerOf } from '../src/identity/signed-document.ts'
import type { Trust } from '../src/identity/trust.ts'
import { UNKNOWN_NAT } from '../src/nat-type.ts'
import type { DhtBook } from '../src/node/dht/contacts.ts'
import { DhtFallback } from '../src/node/dht/dht.ts'
import { MemberConnections } from '../src/node/dht/member-connections.ts'
import { isNewer, type PeerRecord, signPeerRecord } from '../src/records/peer-record.ts'
import { World } from './identity-world.ts'
import { until } from './small-mesh.ts'

const ECHO = '/test/echo/1.0.0'
const DAY_SECONDS = 86_400

/** Agents of one cluster on loopback, without any tunnel server. */
export class DhtMesh implements AsyncDisposable {
  readonly world: World
  readonly keys: ClusterKeys
  /** What each would show when it is asked who it is, by PeerId. */
  readonly certificates = new Map<string, string>()
  readonly #stack = new AsyncDisposableStack()

  private constructor(world: World, keys: ClusterKeys) {
    this.world = world
    this.keys = keys
  }

  static async create(): Promise<DhtMesh> {
    const world = new World()
    return new DhtMesh(world, await world.keys())
  }

  /** An agent that knows the records of those agents, and nobody else's. */
  async agent(name: string, known: readonly DhtAgent[] = []): Promise<DhtAgent> {
    const agent = this.#stack.use(await DhtAgent.start(name, this))
    for (const { record } of known) agent.book.apply(record)
    return agent
  }

  /** A host with that key that speaks libp2p, and nothing of ours. */
  async host(): Promise<{ host: AgentHost; key: PrivateKey }> {
    const key = await generateKeyPair('Ed25519')
    const host = await startAgentHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
    this.#stack.defer(() => host.stop())
    return { host, key }
  }

  certify(name: string, key: PrivateKey, validSeconds = DAY_SECONDS): string {
    const peerId = key.publicKey.toString()
    const node = name as NodeName
    const certificate = this.keys.issue({ node, peerId, role: 'agent', labels: {} }, validSeconds)
    this.certificates.set(peerId, certificate)
    return certificate
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

export class DhtAgent implements AsyncDisposable {
  readonly host: AgentHost
  readonly key: PrivateKey
  readonly book = new TestBook()
  readonly logger = new MemoryLogger()
  readonly trust: Trust
  readonly dht: DhtFallback
  record: PeerRecord
  /** PeerIds of those that were dialled. */
  readonly dialled: string[] = []
  /** Nobody unknown is judged before it resolves. */
  judging: Promise<void> = Promise.resolve()

  private constructor(parts: Pick<DhtAgent, 'host' | 'key' | 'trust' | 'dht' | 'record'>) {
    this.host = parts.host
    this.key = parts.key
    this.trust = parts.trust
    this.dht = parts.dht
    this.record = parts.record
  }

  static async start(name: string, mesh: DhtMesh): Promise<DhtAgent> {
    const key = await generateKeyPair('Ed25519')
    const trust = mesh.world.trustOf(mesh.keys)
    const host = await startAgentHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
    await host.node.handle(ECHO, (stream) => {
      stream.addEventListener('message', ({ data }) => stream.send(data))
    })
    const book = new TestBook()
    const logger = new MemoryLogger()
    const record = recordOf(name, { host, key }, mesh)
    let agent: DhtAgent | undefined
    const connections = new MemberConnections({
      node: host.node,
      book,
      memberOf: async ({ remotePeer }) => {
        await agent?.judging
        const peerId = remotePeer.toString()
        const verdict = trust.judge(mesh.certificates.get(peerId), { peerId, role: 'agent' })
        return verdict.kind === 'member' ? verdict.membership : undefined
      },
      connect: async ({ peerId, direct }) => {
        agent?.dialled.push(peerId)
        const [address] = direct
        if (address === undefined) throw new Error('no address')
        return await host.dial(multiaddr(`${address}/p2p/${peerId}`), AbortSignal.timeout(5_000))
      },
    })
    const dht = await DhtFallback.create(
      { host, nodeName: name as NodeName, trust, book, connections, logger },
      { answerTimeoutMs: 1_000 },
    )
    agent = Object.assign(new DhtAgent({ host, key, trust, dht, record }), { book, logger })
    dht.publish(record)
    return agent
  }

  /** Says something new of itself. */
  say(fields: Partial<PeerRecord>): PeerRecord {
    const { wire, epoch, seq, instance, lan, direct, egress, relays, nat } = this.record
    this.record = signPeerRecord(
      { epoch, seq: seq + 1, instance, lan, direct, egress, relays, nat, ...fields },
      { certificate: wire.certificate, signer: signerOf(this.key) },
    )
    return this.record
  }

  lookup(node: string): Promise<PeerRecord | undefined> {
    return this.dht.lookup(node as NodeName, AbortSignal.timeout(15_000))
  }

  /** Sends a text to that peer by the address of its record, and waits until it is back. */
  async echo({ peerId, direct }: PeerRecord, text: string): Promise<string> {
    const connection: Connection = await this.host.dial(
      multiaddr(`${direct[0]}/p2p/${peerId}`),
      AbortSignal.timeout(5_000),
    )
    const stream = await connection.newStream(ECHO)
    const { promise, resolve } = Promise.withResolvers<string>()
    stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString()))
    stream.send(Buffer.from(text))
    return await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dht[Symbol.asyncDispose]()
    await this.host.stop()
  }
}

/** A record of that host, by a certificate of its own. */
export function recordOf(
  name: string,
  { host, key }: { readonly host: AgentHost; readonly key: PrivateKey },
  mesh: DhtMesh,
): PeerRecord {
  const direct = host.listenAddresses().map((address) => address.toString().replace(/\/p2p\/.*$/, ''))
  const fields = { epoch: 1, seq: 1, instance: randomBytes(4).toString('hex'), direct }
  return signPeerRecord(
    { ...fields, lan: [], egress: [], relays: [], nat: UNKNOWN_NAT },
    { certificate: mesh.certify(name, key), signer: signerOf(key) },
  )
}

export async function knows(agent: DhtAgent, record: PeerRecord): Promise<void> {
  const known = (): PeerRecord | undefined => agent.book.byPeerId(record.peerId)
  await until(
    () => known()?.seq === record.seq,
    `${agent.record.node} has record ${record.seq} of ${record.node}`,
  )
}

class TestBook implements DhtBook {
  readonly #records = new Map<string, PeerRecord>()

  get size(): number {
    return this.#records.size
  }

  byPeerId(peerId: string): PeerRecord | undefined {
    return this.#records.get(peerId)
  }

  byNode(node: NodeName): PeerRecord | undefined {
    return this.#records.values().find((record) => record.node === node)
  }

  records(): Iterable<PeerRecord> {
    return this.#records.values()
  }

  apply(record: PeerRecord): void {
    const known = this.#records.get(record.peerId)
    if (known === undefined || isNewer(record, known)) this.#records.set(record.peerId, record)
  }
}
