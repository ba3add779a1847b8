/**
 * `punch-node.ts JSON`: a relay with reflectors, or a node that is punched to or punches, as `PunchNodeConfig` says; for tests in
 * namespaces. Writes `{"ready":…}`, then a line for each thing that it does.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { FakeComponentDeps } from '@edgeway/testbed'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { type AgentHost, type Host, startAgentHost, startServerHost } from '../../src/host/host.ts'
import { MAX_STREAMS } from '../../src/host/limits.ts'
import { StreamDuplex } from '../../src/host/stream-duplex.ts'
import { createServerMetrics, createTunnelMetrics, pathOf } from '../../src/metrics.ts'
import type { NatType } from '../../src/nat-type.ts'
import { reflect } from '../../src/node/nat/reflect.ts'
import { Puncher } from '../../src/node/punching/puncher.ts'
import { HOP_PROTOCOL } from '../../src/protocol/circuit.ts'
import { Reflector } from '../../src/server/reflector/reflector.ts'
import { CircuitRelay } from '../../src/server/relay/circuit-relay.ts'
import { DEFAULT_RELAY_QUOTA } from '../../src/server/relay/relay-quota.ts'

/** Names stand for keys, which are made of them. */
export interface PunchNodeConfig {
  readonly name: string
  /** IP address of the host `relay`; none for the relay itself. */
  readonly relay?: string
  readonly nat?: NatType
  /** Is punched to, so many times. */
  readonly peer?: { readonly name: string; readonly nat: NatType }
  readonly times?: number
  /** Echoed over the last punched path, and a little again and again after that. */
  readonly bytes?: number
}

/** One punch. */
export interface PunchLine {
  readonly kind: string
  readonly reason?: string
  readonly message?: string
  readonly tries: number
  readonly tookMs: number
  readonly path?: string
}

const PORT = 20_008
const REFLECTOR_PORTS = [20_004, 20_005]
const RELAY = 'relay'
const ECHO = '/edgeway/test-echo/1.0.0'
const UNKNOWN: NatType = { mapping: 'unknown', filtering: 'unknown' }
const NEVER = new AbortController().signal

async function keyOf(name: string): Promise<PrivateKey> {
  return await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, name))
}

async function peerIdOf(name: string): Promise<string> {
  return (await keyOf(name)).publicKey.toString()
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function startRelay(): Promise<void> {
  const { logger, metrics } = new FakeComponentDeps()
  const serverMetrics = createServerMetrics(metrics)
  const prepare = async ({ node, seen }: Host): Promise<void> => {
    const deps = {
      isJoined: () => true,
      judged: async () => {},
      handshakeTimeoutMs: 10_000,
      quota: DEFAULT_RELAY_QUOTA,
    }
    const relay = new CircuitRelay({ ...deps, seen, logger, metrics: serverMetrics })
    await node.handle(HOP_PROTOCOL, relay.serve.bind(relay), { maxInboundStreams: MAX_STREAMS })
  }
  await Reflector.start({ host: '0.0.0.0', ports: REFLECTOR_PORTS }, { logger, metrics: serverMetrics })
  await startServerHost({
    key: await keyOf(RELAY),
    ...{ listenHost: '0.0.0.0', listenPort: PORT, gater: {}, prepare },
  })
}

function echo(stream: Stream): void {
  const duplex = new StreamDuplex(stream)
  duplex.on('error', () => {}).pipe(duplex)
}

async function startNode(config: PunchNodeConfig & { readonly relay: string }): Promise<void> {
  const deps = new FakeComponentDeps()
  const host = await startAgentHost({
    key: await keyOf(config.name),
    ...{ listenHost: '0.0.0.0', listenPort: PORT, gater: {} },
  })
  const puncher = new Puncher({
    host,
    nat: {
      type: config.nat ?? UNKNOWN,
      wake: () => {},
      reflectors: () => REFLECTOR_PORTS.map((port) => ({ host: config.relay, port })),
    },
    peers: { natOf: () => config.peer?.nat, isAt: () => true },
    members: { memberOf: async () => ({}) },
    hasBetter: () => false,
    metrics: createTunnelMetrics(deps.metrics),
    logger: deps.logger,
    reflect,
  })
  await puncher.prepare()
  await host.node.handle(ECHO, echo, { maxInboundStreams: 100 })
  host.node.addEventListener('connection:open', ({ detail }) => say({ opened: pathOf(detail) }))
  const relay = multiaddr(`/ip4/${config.relay}/tcp/${PORT}/p2p/${await peerIdOf(RELAY)}`)
  const session = await host.dial(relay, AbortSignal.timeout(5_000))
  await host.reserve(session.remotePeer)
  say({ ready: config.name })
  if (config.peer !== undefined)
    await punchTo(config.peer, { ...config, host, puncher, relay: relay.toString() })
  if (process.env['DEBUG_PUNCH'])
    for (const { message, fields } of deps.logger.lines) say({ message, ...fields })
  await new Promise(() => {})
}

interface Punching extends Pick<PunchNodeConfig, 'times' | 'bytes'> {
  readonly host: AgentHost
  readonly puncher: Puncher
  readonly relay: string
}

async function punchTo(
  { name, nat }: { readonly name: string; readonly nat: NatType },
  { host, puncher, relay, times = 1, bytes = 0 }: Punching,
): Promise<void> {
  const peerId = await peerIdOf(name)
  const over = await relayedTo(host, `${relay}/p2p-circuit/p2p/${peerId}`)
  for (let time = 1; time <= times; time++) {
    const startedAt = performance.now()
    const result = await puncher.punch({ peerId, nat }, over, NEVER)
    const tookMs = Math.round(performance.now() - startedAt)
    if (result.kind === 'failed') {
      const { kind, reason, message, tries } = result
      say({ kind, reason, message, tries, tookMs })
      continue
    }
    const { connection, kind, tries } = result
    say({ kind, tries, tookMs, path: pathOf(connection) })
    if (time < times) await connection.close()
    else if (bytes > 0) await keepEchoing(connection, bytes)
  }
  say({ done: true })
}

/** The peer may not be there yet. */
async function relayedTo(host: AgentHost, address: string): Promise<Connection> {
  for (;;) {
    try {
      return await host.dial(multiaddr(address), AbortSignal.timeout(5_000))
    } catch {
      await sleep(100)
    }
  }
}

/** Much once, and then a little again and again. */
async function keepEchoing(connection: Connection, bytes: number): Promise<void> {
  say({ echoed: await echoed(connection, bytes) })
  for (;;) {
    await sleep(200)
    say({ echoedAgain: await echoed(connection, 65_536) })
  }
}

/** Sends that many bytes, and counts those that come back as they were. */
async function echoed(connection: Connection, bytes: number): Promise<number> {
  const stream = new StreamDuplex(await connection.newStream(ECHO))
  const chunk = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 31) % 251))
  let [back, sent] = [0, 0]
  stream.on('error', () => {})
  const send = (): void => {
    while (sent < bytes) {
      sent += chunk.length
      if (!stream.write(chunk)) return void stream.once('drain', send)
    }
    stream.end()
  }
  send()
  for await (const data of stream) {
    for (let at = 0; at < data.length; ) {
      const offset = (back + at) % chunk.length
      const length = Math.min(chunk.length - offset, data.length - at)
      if (chunk.compare(data, at, at + length, offset, offset + length) !== 0) return back + at
      at += length
    }
    back += data.length
  }
  return back
}

const config: PunchNodeConfig = JSON.parse(process.argv[2] ?? '')
const { relay } = config
if (relay === undefined) {
  await startRelay()
  say({ ready: config.name })
} else await startNode({ ...config, relay })
