/**
 * `path-node.ts JSON`: an agent's paths without registry and membership, or a relay, as `PathNodeConfig` says; for tests in
 * namespaces. Writes `{"ready":…}`, then a line for each call that it takes, has opened or has made.
 */

import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeName } from '@edgeway/core'
import { FakeComponentDeps } from '@edgeway/testbed'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { type AgentHost, type Host, startAgentHost, startServerHost } from '../src/host/host.ts'
import { MAX_STREAMS } from '../src/host/limits.ts'
import { createServerMetrics, createTunnelMetrics } from '../src/metrics.ts'
import { UNKNOWN_NAT } from '../src/nat-type.ts'
import { InboundFlows } from '../src/node/flows/inbound-flows.ts'
import { OpenFlows } from '../src/node/flows/open-flows.ts'
import { TunnelDialer } from '../src/node/flows/tunnel-dialer.ts'
import { AddressWatch } from '../src/node/own-reach/address-watch.ts'
import { PathManager } from '../src/node/paths/path-manager.ts'
import { NO_NEIGHBOURS, NO_PUNCHER } from '../src/node/paths/path-ports.ts'
import type { PeerPaths } from '../src/node/paths/ways/candidates.ts'
import type { JoinedRelay } from '../src/node/paths/ways/relay-choice.ts'
import { HOP_PROTOCOL } from '../src/protocol/circuit.ts'
import { FLOW_PROTOCOL } from '../src/protocol/flow.ts'
import { CircuitRelay } from '../src/server/relay/circuit-relay.ts'
import { DEFAULT_RELAY_QUOTA } from '../src/server/relay/relay-quota.ts'
import { DEFAULT_TUNNEL_OPTIONS } from '../src/tunnel-options.ts'
import { echo, serving, targetOn } from './small-mesh.ts'

/** Names stand for keys, which are made of them. */
export interface PathNodeConfig {
  readonly name: string
  /** IP addresses of the relays; none for a relay itself. */
  readonly relays?: Readonly<Record<string, string>>
  /** Who is called, again and again, whatever became of the calls before. */
  readonly calls?: readonly PathPeer[]
  /** From one call to the next. */
  readonly everyMs?: number
  /** What each call sends, and gets back. */
  readonly bytes?: number
  /** Calls to this node are taken at once, and answered so much later. */
  readonly answerAfterMs?: number
  /** Calls to this node get their bytes back so much after their answer. */
  readonly echoAfterMs?: number
}

export interface PathPeer {
  readonly name: string
  readonly lan?: readonly string[]
  readonly direct?: readonly string[]
  readonly relays?: readonly string[]
}

/** One call: when it began and how long it took in ms of the monotonic clock, and what it went by. */
export interface PathCall {
  readonly to: string
  readonly at: number
  readonly openMs: number
  readonly firstByteMs: number
  readonly path: string
  readonly strangers: number
}

const PORT = 20_008
const NEVER = new AbortController().signal

async function keyOf(name: string): Promise<PrivateKey> {
  return await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, name))
}

async function peerIdOf(name: string): Promise<string> {
  return (await keyOf(name)).publicKey.toString()
}

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Everybody may reserve at once. */
const NO_REGISTRY = { judged: async () => {} }

async function startRelay(name: string): Promise<void> {
  const { logger, metrics } = new FakeComponentDeps()
  const prepare = async ({ node, seen }: Host): Promise<void> => {
    const deps = { isJoined: () => true, handshakeTimeoutMs: 10_000, quota: DEFAULT_RELAY_QUOTA }
    const relay = new CircuitRelay({
      ...deps,
      ...NO_REGISTRY,
      seen,
      logger,
      metrics: createServerMetrics(metrics),
    })
    const handler = relay.serve.bind(relay)
    await node.handle(HOP_PROTOCOL, handler, { maxInboundStreams: MAX_STREAMS })
  }
  const key = await keyOf(name)
  await startServerHost({ key, listenHost: '0.0.0.0', listenPort: PORT, gater: {}, prepare })
}

/** Keeps a reservation at a relay. */
async function stayJoined(
  host: AgentHost,
  server: Omit<JoinedRelay, 'isSuspect'>,
  joined: Set<JoinedRelay>,
): Promise<never> {
  for (;;) {
    let relay: JoinedRelay | undefined
    try {
      const connection = await host.dial(server.address, AbortSignal.timeout(2_000))
      const closed = new Promise((resolve) => connection.addEventListener('close', resolve))
      await host.reserve(connection.remotePeer)
      relay = {
        ...server,
        get isSuspect() {
          return host.liveness.isSuspect(connection)
        },
      }
      joined.add(relay)
      await closed
    } catch {
      // The next attempt follows.
    }
    if (relay !== undefined) joined.delete(relay)
    await sleep(200)
  }
}

async function startAgent({
  name,
  relays = {},
  calls = [],
  everyMs = 50,
  bytes = 1,
  answerAfterMs = 0,
  echoAfterMs = 0,
}: PathNodeConfig): Promise<void> {
  const { logger, metrics: registry } = new FakeComponentDeps()
  const metrics = createTunnelMetrics(registry)
  const options = { ...DEFAULT_TUNNEL_OPTIONS, listenHost: '0.0.0.0', listenPort: PORT, gater: {} }
  const host = await startAgentHost({ ...options, key: await keyOf(name) })
  const joined = new Set<JoinedRelay>()
  const paths = new PathManager(options, {
    ...{ host, metrics, logger, neighbours: NO_NEIGHBOURS, puncher: NO_PUNCHER },
    relays: () => [...joined],
    egress: () => [],
    listening: () => new Set(),
  })
  const flows = new OpenFlows()
  const members = {
    memberOf: async ({ remotePeer }: Connection) => ({ node: remotePeer.toString() as NodeName }),
  }
  const inbound = new InboundFlows({ ...options, members, flows, metrics, logger, host })
  const { open } = serving((stream) => void setTimeout(() => echo(stream), echoAfterMs))
  inbound.serve({
    open: async (...request) => {
      say({ taken: name })
      await sleep(answerAfterMs)
      return await open(...request)
    },
  })
  await host.node.handle(FLOW_PROTOCOL, (stream, connection) => inbound.accept(stream, connection), {
    maxInboundStreams: MAX_STREAMS,
  })
  new AddressWatch(({ gone }) => paths.addressesChanged(gone))
  for (const [relay, ip] of Object.entries(relays)) {
    const peerId = await peerIdOf(relay)
    const address = multiaddr(`/ip4/${ip}/tcp/${PORT}/p2p/${peerId}`)
    const rttMs = Object.keys(relays).indexOf(relay)
    void stayJoined(host, { peerId, address, rttMs }, joined)
  }
  while (joined.size < Object.keys(relays).length) await sleep(10)
  const peers = new Map(
    await Promise.all(calls.map(async (peer) => [peer.name, await pathsOf(peer)] as const)),
  )
  const dialer = new TunnelDialer(options, {
    ...{ flows, metrics, logger, host, paths },
    lookup: { find: async (node) => peers.get(node) },
  })
  say({ ready: name })
  const strangers = (): number =>
    registry.value('edgeway_tunnel_candidate_failures_total', { reason: 'wrong-identity' })
  const callAndSay = async (to: string): Promise<void> =>
    say({ ...(await call(dialer, to, bytes)), strangers: strangers() })
  for (;;) {
    for (const { name } of calls) void callAndSay(name)
    await sleep(everyMs)
  }
}

async function pathsOf({ name, lan = [], direct = [], relays = [] }: PathPeer): Promise<PeerPaths> {
  const at = (ip: string): string => `/ip4/${ip}/tcp/${PORT}`
  return {
    peerId: await peerIdOf(name),
    node: name as NodeName,
    lan: lan.map(at),
    direct: direct.map(at),
    egress: [],
    relays: await Promise.all(relays.map(async (relay) => ({ peerId: await peerIdOf(relay), rttMs: 1 }))),
    nat: UNKNOWN_NAT,
  }
}

async function call(dialer: TunnelDialer, to: string, bytes: number): Promise<Omit<PathCall, 'strangers'>> {
  const at = monotonicMs()
  try {
    const { stream, path, reset } = await dialer.dial(targetOn(to), NEVER)
    const openMs = monotonicMs() - at
    say({ opened: to })
    stream.write(Buffer.alloc(bytes))
    const firstByteMs = await firstByteOf(stream, { at, bytes })
    reset()
    return { to, at, openMs, firstByteMs, path }
  } catch (error) {
    return { to, at, openMs: -1, firstByteMs: -1, path: `failed: ${error}` }
  }
}

/** Reads all that is expected. */
async function firstByteOf(stream: Duplex, { at, bytes }: { at: number; bytes: number }): Promise<number> {
  let [firstByteMs, received] = [0, 0]
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    if (received === 0) firstByteMs = monotonicMs() - at
    received += chunk.length
    if (received >= bytes) break
  }
  return firstByteMs
}

if (process.argv[1] === import.meta.filename) {
  const config: PathNodeConfig = JSON.parse(process.argv[2] ?? '')
  if (config.relays === undefined) {
    await startRelay(config.name)
    say({ ready: config.name })
  } else await startAgent(config)
}
