import type { Component, ComponentDeps, Logger } from '@edgeway/core'
import type { PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWebSocketAddress, parseHostPort } from '../addresses.ts'
import { ClusterKeysError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { ARRIVALS } from '../host/limits.ts'
import { ClusterKeys } from '../identity/cluster-keys.ts'
import { loadOrCreateKey } from '../identity/key.ts'
import { createServerMetrics, type ServerMetrics } from '../metrics.ts'
import { PeerBook } from '../records/peer-book.ts'
import { Arrivals } from './arrivals.ts'
import { ClusterUpkeep } from './enrolment/cluster-upkeep.ts'
import type { MembershipOptions } from './enrolment/membership-options.ts'
import { Reflector } from './reflector/reflector.ts'
import type { ReflectorOptions } from './reflector/reflector-options.ts'
import { KeyGuard } from './registry/key-guard.ts'
import { OwnRecord } from './registry/own-record.ts'
import { Presence } from './registry/presence.ts'
import { Registry } from './registry/registry.ts'
import { RegistryStore } from './registry/registry-store.ts'
import { Replication } from './registry/replication.ts'
import { DEFAULT_RELAY_QUOTA, type RelayQuota } from './relay/relay-quota.ts'
import { startHost } from './server-host.ts'
import type { RelayServerState } from './server-state.ts'
import type { WebSocketOptions } from './web-socket-entry.ts'

export interface RelayServerOptions {
  readonly listenHost: string
  readonly listenPort: number
  /** Listens for WebSockets, too. */
  readonly webSocket?: WebSocketOptions | undefined
  readonly quota: RelayQuota
  /** How long a connection may stay without a session. */
  readonly admissionGraceMs: number
  /** `host:port` of the other tunnel servers; each address of a name is one, and this server's own is left out. */
  readonly peers: readonly string[]
}

export const DEFAULT_RELAY_SERVER_OPTIONS: RelayServerOptions = {
  listenHost: '0.0.0.0',
  listenPort: 20_006,
  quota: DEFAULT_RELAY_QUOTA,
  admissionGraceMs: 5_000,
  peers: [],
}

/** For each step towards a link with another server. */
const LINK_TIMEOUT_MS = 5_000
/** How long a node's name is kept for a key that was not seen since. */
const NAME_HOLD_MS = 600_000
/** Changes of the registry are written together. */
const STORE_DELAY_MS = 5_000
/** Certificates expire; that is looked at so often. */
const REVIEW_MS = 30_000

export interface RelayServerDeps extends ComponentDeps {
  readonly state: RelayServerState
}

/** What a server is made of; each part is there as long as the server. */
interface Parts {
  readonly host: Host
  readonly keys: ClusterKeys
  readonly book: PeerBook
  readonly own: OwnRecord
  readonly registry: Registry
  readonly replication: Replication
  readonly reflector: Reflector
  readonly closing: AbortController
  readonly logger: Logger
  /** Everything but the host, in the order of its making. */
  readonly disposables: AsyncDisposableStack
}

/** The cloud side: makes nodes members, tells them of one another, and relays between them. */
export class RelayServer implements Component {
  readonly #parts: Parts
  #stopped: Promise<void> | undefined

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * @throws {KeyFileError | ClusterKeysError | CertificateFileError | AddressError} when what is stored, or an address of the options, can't be
   *   used. Also rejects when the port can't be listened on.
   */
  static async start(options: StartOptions, deps: RelayServerDeps): Promise<RelayServer> {
    const logger = deps.logger.child({ component: 'tunnel' })
    const parts = await startParts(options, { ...deps, logger })
    const server = new RelayServer(parts)
    deps.status.section('tunnel', () => server.#status())
    const addresses = parts.host.listenAddresses().map(String)
    const { cluster } = parts.keys
    logger.info('tunnel server listens', {
      peer: server.peerId,
      cluster,
      addresses,
      members: parts.book.size,
    })
    logger.info('nodes join with the token that is kept there', { place: deps.state.joinToken.place })
    return server
  }

  get peerId(): string {
    return this.#parts.host.node.peerId.toString()
  }

  /** The port that is really listened on, also when the options say 0. */
  get port(): number {
    return this.#portWhere((address) => !isWebSocketAddress(address))
  }

  /** That of WebSockets; NaN when they are not listened for. */
  get webSocketPort(): number {
    return this.#portWhere(isWebSocketAddress)
  }

  #portWhere(matches: (address: Multiaddr) => boolean): number {
    const [, port] = this.#parts.host.listenAddresses().find(matches)?.getComponents() ?? []
    return Number(port?.value)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    const { host, closing, disposables, logger } = this.#parts
    closing.abort()
    // While the sessions are there: what is stored says who was connected.
    await disposables.disposeAsync()
    // All connections first: an agent that asks for a reservation while the relay stops would never ask again
    // (js-libp2p remembers a relay without the protocol as invalid).
    for (const connection of host.node.getConnections()) connection.abort(new Error('the server stops'))
    try {
      await host.stop()
    } catch (error) {
      logger.warn('libp2p did not stop cleanly', { error })
    }
  }

  /** For /statusz. */
  #status(): object {
    const { keys, book, registry, replication, reflector } = this.#parts
    const { serial, rootIds, content } = keys.trust
    return {
      peer: this.peerId,
      cluster: keys.cluster,
      keys: rootIds,
      bundleSerial: serial,
      revocations: content?.revoked.filter(({ lifted }) => lifted !== true).length ?? 0,
      membersConnected: registry.connected.agents,
      membersKnown: book.size,
      links: replication.status,
      reflectorPorts: reflector.ports,
    }
  }
}

type StartOptions = RelayServerOptions & MembershipOptions & { readonly reflector: ReflectorOptions }

async function startParts(options: StartOptions, deps: RelayServerDeps): Promise<Parts> {
  const { state, logger } = deps
  const metrics = createServerMetrics(deps.metrics)
  for (const peer of options.peers) parseHostPort(peer)
  const key = await loadOrCreateKey(state.key)
  const keys = await ClusterKeys.loadOrCreate(state.cluster)
  await using disposables = new AsyncDisposableStack()
  const joinTokenValidSeconds = options.joinTokenValidDays * 86_400
  const upkeep = disposables.use(
    await ClusterUpkeep.start({ joinTokenValidSeconds }, { keys, state, logger }),
  )
  const members = await openMembers({ key, keys }, { options, state, logger, metrics })
  disposables.use(members.store)
  disposables.use(members.guard)
  const arrivals = disposables.use(new Arrivals(ARRIVALS))
  const joined = (address: string): void => arrivals.done(address)
  const place = { host: options.listenHost, ports: options.reflector.ports }
  const reflector = disposables.use(await Reflector.start(place, { logger, metrics }))
  const registry = disposables.use(
    new Registry({
      ...{ ...members, keys, timeoutMs: options.admissionGraceMs, joined },
      ...{ reflectorPorts: reflector.ports, logger, metrics },
    }),
  )
  const closing = new AbortController()
  const host = await startHost(key, {
    ...members,
    keys,
    registry,
    arrivals,
    closing,
    options,
    logger,
    metrics,
    disposables,
  })
  const { own, book } = members
  const links = { host, keys, registry, own, timeoutMs: LINK_TIMEOUT_MS, logger }
  const replication = disposables.use(new Replication(options.peers, links))
  keepReviewing({ ...members, keys, registry, logger }, disposables)
  disposables.use(upkeep.onKeyFound(() => own.review()))
  own.publish()
  const parts = { host, keys, book, own, registry, replication, reflector, closing, logger }
  return { ...parts, disposables: disposables.move() }
}

interface Environment {
  readonly options: StartOptions
  readonly state: RelayServerState
  readonly logger: Logger
  readonly metrics: ServerMetrics
}

interface Members {
  readonly book: PeerBook
  readonly presence: Presence
  readonly guard: KeyGuard
  readonly own: OwnRecord
  readonly store: RegistryStore
}

/** What is known of the members, as it was stored. */
async function openMembers(
  { key, keys }: { key: PrivateKey; keys: ClusterKeys },
  { options, state, logger, metrics }: Environment,
): Promise<Members> {
  const { trust } = keys
  const book = new PeerBook(({ wire, peerId }) => trust.judge(wire.certificate, { peerId }))
  const presence = new Presence(NAME_HOLD_MS)
  const stored = state.registry
  const store = await RegistryStore.open({ stored, book, presence, trust, logger, delayMs: STORE_DELAY_MS })
  const guard = new KeyGuard({ keys, book, logger, metrics })
  const certificateValidSeconds = options.certificateValidHours * 3_600
  const own = new OwnRecord({ key, keys, book, certificateValidSeconds })
  return { book, presence, guard, own, store }
}

/** Certificates expire, and keys change: what was believed is looked at again. */
function keepReviewing(
  { keys, book, registry, own, presence, logger }: Members & Pick<Parts, 'keys' | 'registry' | 'logger'>,
  disposables: AsyncDisposableStack,
): void {
  const reviewOwn = (): void => {
    try {
      own.review()
    } catch (error) {
      if (!(error instanceof ClusterKeysError)) throw error
      logger.error('this server can not renew its own certificate: agents will not believe it', { error })
    }
  }
  const review = (): void => {
    reviewOwn()
    book.review()
    registry.review()
    presence.prune()
  }
  const timer = setInterval(review, REVIEW_MS)
  disposables.defer(() => clearInterval(timer))
  disposables.use(keys.trust.onChange(reviewOwn))
}
