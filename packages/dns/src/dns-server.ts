import type { Component, ComponentDeps, ReadinessGate } from '@edgeway/core'
import { AnswerCache } from './cache/answer-cache.ts'
import { DnsListenError } from './errors.ts'
import { Forwarder } from './forward.ts'
import { chain } from './handler.ts'
import { type DnsMetrics, dnsMetrics } from './metrics.ts'
import type { DnsOptions } from './options.ts'
import { Responder } from './responder.ts'
import { TcpListener } from './tcp-listener.ts'
import { UdpListener } from './udp-listener.ts'
import type { Upstream } from './upstream.ts'
import { UpstreamPool } from './upstream-pool.ts'
import { UpstreamSource } from './upstream-source.ts'
import { type ClusterZoneServices, clusterZone } from './zone/cluster-zone.ts'
import { ReverseZone, type ReverseZoneServices } from './zone/reverse-zone.ts'

/** The address of node-level DNS in every cluster (as in EdgeMesh), and so never another resolver's. */
const NODE_DNS_ADDRESS = '169.254.96.16'
const DNS_PORT = 53

/** Of a free port for UDP and TCP alike: the one found for TCP may be taken for UDP. */
const FREE_PORT_ATTEMPTS = 5

export type DnsDeps = ComponentDeps & {
  readonly services: ClusterZoneServices & ReverseZoneServices
  /** The address to listen on; it must exist. */
  readonly nodeAddress: string
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

interface Listeners {
  readonly udp: UdpListener
  readonly tcp: TcpListener
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
  readonly address: { readonly ip: string; readonly port: number }

  private constructor(options: DnsOptions, parts: Parts, ip: string) {
    this.#options = options
    this.#gate = parts.gate
    this.#source = parts.source
    this.#reverse = parts.reverse
    this.#listeners = parts.listeners
    this.#cache = parts.cache
    this.#cut = parts.cut
    this.address = { ip, port: parts.listeners.udp.port }
  }

  /**
   * @throws {DnsListenError} when the address can't be bound
   * @throws {DnsUpstreamError} when a configured upstream can't be read
   */
  static async start(options: DnsOptions, deps: DnsDeps): Promise<DnsServer> {
    const logger = deps.logger.child({ component: 'dns' })
    const gate = deps.readiness.gate('dns')
    const metrics = dnsMetrics(deps.metrics)
    const upstreams = new UpstreamPool(options.upstreamHoldOffMs)
    const source = await UpstreamSource.start(options, {
      logger,
      isOurself: (upstream) => isOurself(upstream, options, deps.nodeAddress),
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
      const listeners = await listen(options, { ...deps, responder, metrics })
      const parts = { gate, source, reverse, listeners, cache, cut }
      const server = new DnsServer(options, parts, deps.nodeAddress)
      logger.info('answering DNS', { ...server.address, clusterDomain: options.clusterDomain })
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
    const { udp, tcp } = this.#listeners
    this.#gate.shut('stopping')
    const cut = setTimeout(() => {
      this.#cut.abort()
      tcp.close()
    }, this.#options.drainTimeoutMs)
    await Promise.all([this.#source.stop(), udp.drain(), tcp.drain()])
    clearTimeout(cut)
    this.#reverse[Symbol.dispose]()
    // What is asked in the background nobody waits for.
    this.#cut.abort()
    await this.#cache.settled()
    udp.close()
  }
}

function isOurself({ ip, port }: Upstream, { listenPort }: DnsOptions, nodeAddress: string): boolean {
  return (ip === nodeAddress && port === listenPort) || (ip === NODE_DNS_ADDRESS && port === DNS_PORT)
}

interface ListenDeps extends Pick<DnsDeps, 'nodeAddress' | 'onFatal'> {
  readonly responder: Responder
  readonly metrics: DnsMetrics
}

async function listen(options: DnsOptions, deps: ListenDeps): Promise<Listeners> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await bind(options, deps)
    } catch (error) {
      const mayRetry = options.listenPort === 0 && attempt < FREE_PORT_ATTEMPTS
      if (!mayRetry) throw new DnsListenError(deps.nodeAddress, options.listenPort, { cause: error })
    }
  }
}

async function bind(options: DnsOptions, deps: ListenDeps): Promise<Listeners> {
  const { nodeAddress: address, responder, metrics, onFatal } = deps
  const tcp = await TcpListener.start({ address, port: options.listenPort }, options, {
    responder,
    metrics,
    onFatal,
  })
  try {
    const udp = await UdpListener.start(address, tcp.port, { responder, metrics: metrics.responder, onFatal })
    return { udp, tcp }
  } catch (error) {
    tcp.close()
    throw error
  }
}
