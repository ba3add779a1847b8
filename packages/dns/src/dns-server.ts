import type {
  Component,
  ComponentDeps,
  ListenerAddress,
  ListenerDirectory,
  ReadinessGate,
} from '@edgeway/core'
import { AnswerCache } from './cache/answer-cache.ts'
import { type ClusterDnsServices, clusterDnsListeners } from './cluster-dns-listeners.ts'
import { Forwarder } from './forward/forwarder.ts'
import type { Upstream } from './forward/upstream.ts'
import { UpstreamPool } from './forward/upstream-pool.ts'
import { UpstreamSource } from './forward/upstream-source.ts'
import { chain } from './handler.ts'
import { Listeners } from './listeners.ts'
import { dnsMetrics } from './metrics.ts'
import type { DnsOptions } from './options.ts'
import { Responder } from './responder.ts'
import { type ClusterZoneServices, clusterZone } from './zone/cluster-zone.ts'
import { ReverseZone, type ReverseZoneServices } from './zone/reverse-zone.ts'

/** The address of node-level DNS in every cluster (as in EdgeMesh), and so never another resolver's. */
const NODE_DNS_ADDRESS = '169.254.96.16'
const DNS_PORT = 53

export type DnsDeps = ComponentDeps & {
  readonly services: ClusterZoneServices & ReverseZoneServices & ClusterDnsServices
  /** The addresses to listen on; they must exist. */
  readonly nodeAddress: string
  /** Of IPv6; `undefined` where the node has none. */
  readonly nodeAddress6: string | undefined
}

interface Parts {
  readonly gate: ReadinessGate
  readonly source: UpstreamSource
  readonly reverse: ReverseZone
  readonly listeners: Listeners
  readonly cache: AnswerCache
  /** Ends the waiting for upstreams. */
  readonly cut: AbortController
}

/**
 * The node-level DNS responder, UDP and TCP: the cluster's names from memory, all others from upstream resolvers.
 * Serves from the moment it is started, whatever the directory and the upstreams know by then. On its end, queries
 * in work are still answered, for `drainTimeoutMs` at most.
 */
export class DnsServer implements Component {
  readonly #options: DnsOptions
  readonly #gate: ReadinessGate
  readonly #source: UpstreamSource
  readonly #reverse: ReverseZone
  readonly #listeners: Listeners
  readonly #cache: AnswerCache
  /** Ends the waiting for upstreams. */
  readonly #cut: AbortController
  #stopped: Promise<void> | undefined
  /** Where it listens, for UDP and TCP alike. */
  readonly address: ListenerAddress
  /** Its listeners for the ServicePorts of the cluster's DNS that it answers in place of their endpoints. */
  readonly clusterDnsListeners: ListenerDirectory

  private constructor(options: DnsOptions, parts: Parts, { services }: Pick<DnsDeps, 'services'>) {
    this.#options = options
    this.#gate = parts.gate
    this.#source = parts.source
    this.#reverse = parts.reverse
    this.#listeners = parts.listeners
    this.#cache = parts.cache
    this.#cut = parts.cut
    const { address, addresses } = parts.listeners
    this.address = address
    this.clusterDnsListeners = clusterDnsListeners(options, { services, addresses })
  }

  /**
   * @throws {DnsListenError} when an address can't be bound
   * @throws {DnsUpstreamError} when a configured upstream can't be read
   */
  static async start(options: DnsOptions, deps: DnsDeps): Promise<DnsServer> {
    const logger = deps.logger.child({ component: 'dns' })
    const gate = deps.readiness.gate('dns')
    const metrics = dnsMetrics(deps.metrics)
    const upstreams = new UpstreamPool(options.upstreamHoldOffMs)
    const source = await UpstreamSource.start(options, {
      logger,
      isOurself: (upstream) => isOurself(upstream, options, deps),
      onChange: (found) => upstreams.replace(found),
    })
    const cut = new AbortController()
    const forwarder = new Forwarder(options, {
      upstreams,
      logger,
      metrics: metrics.forward,
      signal: cut.signal,
    })
    const reverse = new ReverseZone(options, deps.services)
    const cache = new AnswerCache(options, {
      next: forwarder.handle,
      metrics: metrics.cache,
      logger,
      now: () => performance.now(),
    })
    const others = options.cacheBytes === 0 ? forwarder.handle : cache.handle
    const handler = chain(clusterZone(options, deps.services), reverse.handle, others)
    const responder = new Responder(options, { handler, logger, metrics: metrics.responder })
    try {
      const listeners = await Listeners.start(options, { ...deps, responder, metrics })
      const parts = { gate, source, reverse, listeners, cache, cut }
      const server = new DnsServer(options, parts, deps)
      const { addresses } = listeners
      logger.info('answering DNS', { addresses, clusterDomain: options.clusterDomain })
      gate.open()
      return server
    } catch (error) {
      reverse[Symbol.dispose]()
      await source.stop()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    await this.#stopped
  }

  async #stop(): Promise<void> {
    this.#gate.shut('stopping')
    const cut = setTimeout(() => {
      this.#cut.abort()
      this.#listeners.closeConnections()
    }, this.#options.drainTimeoutMs)
    await Promise.all([this.#source.stop(), this.#listeners.drain()])
    clearTimeout(cut)
    this.#reverse[Symbol.dispose]()
    // What is asked in the background nobody waits for.
    this.#cut.abort()
    await this.#cache.settled()
    this.#listeners.close()
  }
}

function isOurself(
  { ip, port }: Upstream,
  { listenPort }: DnsOptions,
  { nodeAddress, nodeAddress6 }: Pick<DnsDeps, 'nodeAddress' | 'nodeAddress6'>,
): boolean {
  if (ip === NODE_DNS_ADDRESS && port === DNS_PORT) return true
  return port === listenPort && (ip === nodeAddress || ip === nodeAddress6)
}
