import type { LogFields, Logger, NodeName } from '@edgeway/core'
import { FakeComponentDeps } from '@edgeway/testbed'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { parseHostPort } from '../../src/addresses.ts'
import { type AgentHost, startAgentHost } from '../../src/host/host.ts'
import { parseJoinToken } from '../../src/identity/join-token.ts'
import { createTunnelMetrics, type TunnelMetrics } from '../../src/metrics.ts'
import { UNKNOWN_NAT } from '../../src/nat-type.ts'
import { NodeIdentity } from '../../src/node/membership/node-identity.ts'
import { OwnRecord } from '../../src/node/own-reach/own-record.ts'
import { AnnouncedRelays } from '../../src/node/sessions/announced-relays.ts'
import { ServerClaims } from '../../src/node/sessions/server-claims.ts'
import { ServerSession, type ServerSessionDeps } from '../../src/node/sessions/server-session.ts'
import { PeerBook } from '../../src/records/peer-book.ts'
import type { PeerRecord } from '../../src/records/peer-record.ts'
import type { StoredValue } from '../../src/state/stored-value.ts'
import type { SharedRecords } from './shared-records.ts'

export interface SimulatedAgentOptions {
  readonly name: string
  /** `host:port` of each tunnel server. */
  readonly servers: readonly string[]
  /** Text of a join token. */
  readonly joinToken: string
  readonly records: SharedRecords
  readonly observer: AgentObserver
}

export interface AgentObserver {
  /** It begins to join a tunnel server. */
  attempted(): void
  /** It has joined all of them. */
  joined(): void
  /** A session ended, or none came about; repeated troubles are not told each time. */
  troubled(trouble: string): void
}

const JOIN_TIMEOUT_MS = 10_000
const LAN_ADDRESS = '/ip4/192.168.1.10/tcp/20008'

/**
 * An agent as tunnel servers know it: its host, its identity and its sessions are those of real ones. It has no flows, keeps
 * nothing on disk, and shares the work of verifying records with the other agents of its process.
 */
export class SimulatedAgent implements AsyncDisposable {
  readonly book: PeerBook
  readonly #host: AgentHost
  readonly #identity: NodeIdentity
  readonly #ownRecord: OwnRecord
  readonly #observer: AgentObserver
  readonly #relays = new AnnouncedRelays()
  #egress: readonly string[] = []
  #sessions: readonly ServerSession[] = []
  #joinedAt: number | undefined

  private constructor(host: AgentHost, identity: NodeIdentity, observer: AgentObserver) {
    this.#host = host
    this.#observer = observer
    this.#identity = identity
    this.#ownRecord = new OwnRecord(identity)
    this.book = new PeerBook(() => identity.verdict)
  }

  static async start(options: SimulatedAgentOptions): Promise<SimulatedAgent> {
    const key = await generateKeyPair('Ed25519')
    const logger = new TroubleLogger(options.observer)
    const nodeName = options.name as NodeName
    const identity = await NodeIdentity.load({ nodeName, key, stored: new InMemory(), logger })
    const host = await startAgentHost({ key, listenHost: '127.0.0.1', listenPort: 0, gater: {} })
    const agent = new SimulatedAgent(host, identity, options.observer)
    agent.#start(options, logger)
    return agent
  }

  /** Since when it is joined to all tunnel servers with a reservation, in milliseconds since 1970; `undefined` while not. */
  get joinedAt(): number | undefined {
    return this.#joinedAt
  }

  /** What it says of itself, in its newest version; `undefined` before it was enrolled. */
  get record(): PeerRecord | undefined {
    return this.#ownRecord.current
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session[Symbol.asyncDispose]()))
    await this.#host.stop()
  }

  #start({ servers, joinToken, records }: SimulatedAgentOptions, logger: Logger): void {
    const deps: ServerSessionDeps = {
      ...{
        host: this.#countingHost(),
        identity: this.#identity,
        book: this.book,
        ownRecord: this.#ownRecord,
      },
      ...{ logger, metrics: METRICS, joinTimeoutMs: JOIN_TIMEOUT_MS, labels: {}, claims: new ServerClaims() },
      readTokens: async () => ({ tokens: [parseJoinToken(joinToken)], skipped: [] }),
      readRecord: records.read,
      rtt: () => undefined,
      changed: () => this.#update(),
    }
    this.#identity.onChange(() => this.#update())
    this.#sessions = servers.map((server) => new ServerSession(parseHostPort(server), deps))
  }

  #countingHost(): AgentHost {
    const host = this.#host
    const dial: AgentHost['dial'] = (...args) => {
      this.#observer.attempted()
      return host.dial(...args)
    }
    return { ...host, dial }
  }

  /** As a real agent does behind a NAT. */
  #update(): void {
    const joined = this.#sessions.map((session) => session.joined).filter((one) => one !== undefined)
    const isJoined = joined.length === this.#sessions.length
    if (isJoined && this.#joinedAt === undefined) this.#observer.joined()
    this.#joinedAt = isJoined ? (this.#joinedAt ?? Date.now()) : undefined
    const reserved = joined.map(({ peerId, address, rttMs }) => ({
      ...{ peerId, rttMs },
      addresses: [address.toString().replace(/\/p2p\/[^/]+$/, '')],
    }))
    if (joined.length > 0) this.#egress = [...new Set(joined.map(({ observed }) => observed))].sort()
    const relays = this.#relays.update(reserved, performance.now())
    this.#ownRecord.update({ lan: [LAN_ADDRESS], direct: [], egress: this.#egress, relays, nat: UNKNOWN_NAT })
    for (const session of this.#sessions) session.publish()
  }
}

/** One for all: nobody looks at them. */
const METRICS: TunnelMetrics = createTunnelMetrics(new FakeComponentDeps().metrics)

/** Tells of what goes wrong, and of nothing else. */
class TroubleLogger implements Logger {
  readonly #observer: AgentObserver

  constructor(observer: AgentObserver) {
    this.#observer = observer
  }

  error(message: string, fields: LogFields = {}): void {
    this.warn(message, fields)
  }

  warn(message: string, { error }: LogFields = {}): void {
    this.#observer.troubled(error instanceof Error ? `${message}: ${error.message}` : message)
  }

  info(): void {}

  debug(): void {}

  isEnabled(): boolean {
    return false
  }

  child(): Logger {
    return this
  }
}

class InMemory implements StoredValue {
  readonly place = 'memory'
  #content: Buffer | undefined

  async read(): Promise<Buffer | undefined> {
    return this.#content
  }

  async write(content: string | Uint8Array): Promise<void> {
    this.#content = Buffer.from(content)
  }

  async exposure(): Promise<undefined> {
    return undefined
  }
}
