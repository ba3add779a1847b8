/**
 * `grid-node.ts JSON`: a relay with a reflector, or an agent's host with its puncher, as `GridNodeConfig` says. It goes by
 * commands, see `GridCommand`; for networks of NATs that change while it runs.
 */
import {
  answerCommands,
  FakeComponentDeps,
  type GridCommand,
  type GridNodeConfig,
  type GridPunch,
} from '@edgeway/testbed'
import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { type AgentHost, type Host, startAgentHost, startServerHost } from '../../src/host/host.ts'
import { MAX_STREAMS } from '../../src/host/limits.ts'
import { createServerMetrics, createTunnelMetrics, pathOf } from '../../src/metrics.ts'
import { type NatType, natTypeOf } from '../../src/nat-type.ts'
import { findNatType } from '../../src/node/nat/find-nat-type.ts'
import { reflect } from '../../src/node/nat/reflect.ts'
import { Puncher } from '../../src/node/punching/puncher.ts'
import { HOP_PROTOCOL } from '../../src/protocol/circuit.ts'
import { Reflector } from '../../src/server/reflector/reflector.ts'
import { CircuitRelay } from '../../src/server/relay/circuit-relay.ts'
import { DEFAULT_RELAY_QUOTA } from '../../src/server/relay/relay-quota.ts'

const PORT = 20_008
const REFLECTOR_PORT = 20_004
const JOIN_MS = 15_000
const NEVER = new AbortController().signal

async function startRelay(name: string): Promise<void> {
  const { logger, metrics: registry } = new FakeComponentDeps()
  const metrics = createServerMetrics(registry)
  const prepare = async ({ node, seen }: Host): Promise<void> => {
    const deps = {
      isJoined: () => true,
      judged: async () => {},
      handshakeTimeoutMs: 10_000,
      quota: DEFAULT_RELAY_QUOTA,
    }
    const relay = new CircuitRelay({ ...deps, seen, logger, metrics })
    await node.handle(HOP_PROTOCOL, relay.serve.bind(relay), { maxInboundStreams: MAX_STREAMS })
  }
  await Reflector.start({ host: '0.0.0.0', ports: [REFLECTOR_PORT] }, { logger, metrics })
  await startServerHost({
    key: await keyOf(name),
    listenHost: '0.0.0.0',
    listenPort: PORT,
    gater: {},
    prepare,
  })
}

/**
 * An agent's host that has joined a relay, with a key of its own: what relay and peer have counted of others does not count for
 * it.
 */
class GridNode implements AsyncDisposable {
  readonly #host: AgentHost
  readonly #puncher: Puncher
  readonly #peerNats = new Map<string, NatType>()

  private constructor(host: AgentHost, nat: NatType) {
    this.#host = host
    const { metrics, logger } = new FakeComponentDeps()
    this.#puncher = new Puncher({
      ...{ host, logger, reflect, metrics: createTunnelMetrics(metrics) },
      nat: { type: nat, reflectors: () => reflectors, wake: () => {} },
      peers: { natOf: (peerId) => this.#peerNats.get(peerId), isAt: () => true },
      members: { memberOf: async () => ({}) },
      hasBetter: () => false,
    })
  }

  static async join(nat: NatType): Promise<GridNode> {
    const key = await generateKeyPair('Ed25519')
    const host = await startAgentHost({ key, listenHost: '0.0.0.0', listenPort: PORT, gater: {} })
    const node = new GridNode(host, nat)
    await node.#puncher.prepare()
    const { remotePeer } = await host.dial(multiaddr(await relayAddress()), AbortSignal.timeout(JOIN_MS))
    await host.reserve(remotePeer)
    return node
  }

  get peerId(): string {
    return this.#host.node.peerId.toString()
  }

  /** By signalling over the relay. */
  async punch(peerId: string, nat: NatType): Promise<GridPunch> {
    this.#peerNats.set(peerId, nat)
    const address = multiaddr(`${await relayAddress()}/p2p-circuit/p2p/${peerId}`)
    const over = await this.#host.dial(address, AbortSignal.timeout(JOIN_MS))
    const startedAt = performance.now()
    const result = await this.#puncher.punch({ peerId, nat }, over, NEVER)
    const { tries } = result
    const tookMs = Math.round(performance.now() - startedAt)
    if (result.kind === 'failed') return { outcome: result.reason, tries, tookMs }
    return { outcome: result.kind, tries, tookMs, path: pathOf(result.connection) }
  }

  /** Does not wait for what a NAT has forgotten. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#puncher[Symbol.asyncDispose]()
    for (const connection of this.#host.node.getConnections()) connection.abort(new Error('joins anew'))
    await this.#host.stop()
  }
}

async function keyOf(relay: string): Promise<PrivateKey> {
  return await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, relay))
}

/** Of the first one; the others only reflect. */
async function relayAddress(): Promise<string> {
  const [[relay, ip] = ['', '']] = Object.entries(relays)
  return `/ip4/${ip}/tcp/${PORT}/p2p/${(await keyOf(relay)).publicKey}`
}

let joined: GridNode | undefined

async function answer(command: GridCommand): Promise<unknown> {
  switch (command.do) {
    case 'ready':
      return undefined
    case 'nat-type':
      return (await findNatType(reflectors, NEVER)).type
    case 'join':
      await joined?.[Symbol.asyncDispose]()
      joined = await GridNode.join(natTypeOf(command.nat))
      return joined.peerId
    case 'punch':
      return await joined?.punch(command.peerId, natTypeOf(command.nat))
  }
}

const { name, relays = {} }: GridNodeConfig = JSON.parse(process.argv[2] ?? '')
const reflectors = Object.values(relays).map((host) => ({ host, port: REFLECTOR_PORT }))
if (reflectors.length === 0) await startRelay(name)
answerCommands((command) => answer(command as GridCommand))
