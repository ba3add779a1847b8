import type {
  Component,
  ComponentDeps,
  ListenerAddress,
  ListenerDirectory,
  NodeName,
  ReadinessGate,
} from '@edgeway/core'
import { type Explanation, explain, type Question } from './explain/explanation.ts'
import { explanationPage } from './explain/explanation-page.ts'
import type { Upstream } from './forward/upstream.ts'
import { type ClusterDnsServices, clusterDnsListeners } from './listen/cluster-dns-listeners.ts'
import { Listeners } from './listen/listeners.ts'
import { RateLimit } from './listen/rate-limit.ts'
import { udpEngineOf } from './listen/udp/udp-engine.ts'
import { dnsMetrics } from './metrics.ts'
import type { DnsOptions } from './options.ts'
import { Resolution, type ResolutionServices } from './resolution.ts'
import { Responder } from './responder.ts'

/** The address of node-level DNS in every cluster (as in EdgeMesh), and so never another resolver's. */
const NODE_DNS_ADDRESS = '169.254.96.16'
const DNS_PORT = 53

export type DnsDeps = ComponentDeps & {
  readonly services: ResolutionServices & ClusterDnsServices
  readonly nodeName: NodeName
  /** The addresses to listen on; they must exist. */
  readonly nodeAddress: string
  /** Of IPv6; `undefined` where the node has none. */
  readonly nodeAddress6: string | undefined
}

interface Parts {
  readonly gate: ReadinessGate
  readonly resolution: Resolution
  readonly listeners: Listeners
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
  readonly #resolution: Resolution
  readonly #listeners: Listeners
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
    this.#resolution = parts.resolution
    this.#listeners = parts.listeners
    this.#cut = parts.cut
    const { address, addresses } = parts.listeners
    this.address = address
    this.clusterDnsListeners = clusterDnsListeners(options.clusterDns, { services, addresses })
  }

  /**
   * @throws {DnsListenError} when an address can't be bound
   * @throws {DnsUdpEngineError} when the engine for UDP that is forced does not work
   * @throws {DnsUpstreamError} when a configured upstream can't be read
   * @throws {DnsStubDomainError} when a stub domain can't be served
   */
  static async start(options: DnsOptions, deps: DnsDeps): Promise<DnsServer> {
    const logger = deps.logger.child({ component: 'dns' })
    const gate = deps.readiness.gate('dns')
    const metrics = dnsMetrics(deps.metrics)
    const cut = new AbortController()
    const resolution = await Resolution.start(options, {
      ...deps,
      logger,
      metrics,
      signal: cut.signal,
      isOurself: (upstream) => isOurself(upstream, options, deps),
    })
    const { handler } = resolution
    const responder = new Responder(options, { handler, logger, metrics: metrics.responder })
    try {
      const udpEngine = await udpEngineOf(options, { logger })
      const limit = new RateLimit(options.responsesPerSecondPerClient, { logger, metrics: metrics.responder })
      const listeners = await Listeners.start(options, { ...deps, responder, metrics, limit, udpEngine })
      const server = new DnsServer(options, { gate, resolution, listeners, cut }, deps)
      deps.status.page('dnsz', explanationPage(server))
      const { addresses } = listeners
      logger.info('answering DNS', {
        addresses,
        clusterDomain: options.clusterDomain,
        udpEngine: udpEngine.name,
      })
      gate.open()
      return server
    } catch (error) {
      cut.abort()
      await resolution.stopFollowing()
      await resolution.settled()
      throw error
    }
  }

  /**
   * What a client would be answered, and why. Counts as a use of the cache, not as a query.
   *
   * @throws {DnsQuestionError} when name or type are none
   */
  async explain(question: Question): Promise<Explanation> {
    return await explain(question, this.#resolution.handler, this.#options.clusterDomain)
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
    await Promise.all([this.#resolution.stopFollowing(), this.#listeners.drain()])
    clearTimeout(cut)
    // What is asked in the background nobody waits for.
    this.#cut.abort()
    await this.#resolution.settled()
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
