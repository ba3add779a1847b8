import type { Logger } from '@edgeway/core'
import type { TtlCaps } from '../cache/verdict.ts'
import type { Handler } from '../handler.ts'
import type { Query } from '../message.ts'
import type { ForwardMetrics } from '../metrics.ts'
import type { DnsOptions } from '../options.ts'
import { ClusterDns, type ClusterDnsServices } from './cluster-dns.ts'
import { isWithin, labelsOfDomain } from './domain.ts'
import { Forwarder } from './forwarder.ts'
import { parseStubDomains } from './stub-domains.ts'
import type { Upstream } from './upstream.ts'
import { UpstreamClient } from './upstream-client.ts'
import { UpstreamPool } from './upstream-pool.ts'
import { UpstreamProbe } from './upstream-probe.ts'
import { configuredUpstream, UpstreamSource } from './upstream-source.ts'

export interface ForwardingDeps {
  readonly services: ClusterDnsServices
  readonly logger: Logger
  readonly metrics: ForwardMetrics
  /** Ends all waiting for upstreams. */
  readonly signal: AbortSignal
  /** Whether asking there would be asking ourselves. */
  isOurself(upstream: Upstream): boolean
  /** Whether the directory knows the address that a name of the reverse tree stands for. */
  isOfCluster(labels: readonly string[]): boolean
}

/** Upstreams that are asked for the same names. */
export interface UpstreamGroup {
  /** The labels that all those names end in; empty: all other names. */
  readonly domain: readonly string[]
  readonly upstreams: UpstreamPool
  readonly forwarder: Forwarder
  /** Bounds of TTLs of their answers. */
  readonly caps: TtlCaps
}

/** Asks upstreams: each query those that its name belongs to, by the longest domain that it ends in. */
export class Forwarding {
  readonly #options: DnsOptions
  readonly #deps: ForwardingDeps
  readonly #client: UpstreamClient
  readonly #probe: UpstreamProbe
  readonly #others: UpstreamGroup
  /** The longest domain first. */
  readonly #stubs: readonly UpstreamGroup[]
  /** In cache mode only. */
  readonly #cluster: UpstreamGroup | undefined
  #clusterDns: ClusterDns | undefined
  #source: UpstreamSource | undefined

  private constructor(options: DnsOptions, deps: ForwardingDeps) {
    this.#options = options
    this.#deps = deps
    this.#client = new UpstreamClient(options, deps)
    this.#probe = new UpstreamProbe(options, { ...deps, client: this.#client })
    this.#others = this.#group([], options)
    this.#stubs = this.#stubGroups()
    if (options.clusterDns.cacheMode) this.#cluster = this.#clusterGroup()
  }

  /**
   * @throws {DnsUpstreamError} when a configured upstream can't be read
   * @throws {DnsStubDomainError} when a stub domain can't be served
   */
  static async start(options: DnsOptions, deps: ForwardingDeps): Promise<Forwarding> {
    const forwarding = new Forwarding(options, deps)
    forwarding.#source = await UpstreamSource.start(options, {
      ...deps,
      onChange: (found) => forwarding.#use(forwarding.#others, found),
    })
    for (const stub of forwarding.#stubs) forwarding.#probe.check(stub)
    forwarding.#followCluster()
    return forwarding
  }

  readonly handle: Handler = (query, context) => this.groupOf(query).forwarder.handle(query, context)

  /** Answers those queries that are ours and came back; all others are left to the next handler. */
  get ownQueries(): Handler {
    return this.#probe.handle
  }

  /** The search list of the host. */
  get search(): readonly string[] {
    return this.#source?.search ?? []
  }

  /** Whose names a query's name is one of. */
  groupOf({ labels }: Query): UpstreamGroup {
    const cluster = this.#cluster
    if (cluster !== undefined && (isWithin(labels, cluster.domain) || this.#deps.isOfCluster(labels)))
      return cluster
    return this.#stubs.find(({ domain }) => isWithin(labels, domain)) ?? this.#others
  }

  /** Takes the upstreams as they are now; resolves when resolv.conf is no longer read. Never rejects. */
  async stopFollowing(): Promise<void> {
    this.#clusterDns?.[Symbol.dispose]()
    await this.#source?.stop()
  }

  /** Resolves when no upstream is probed any more, which takes the signal. Never rejects. */
  async settled(): Promise<void> {
    await this.#probe.settled()
  }

  #group(domain: readonly string[], caps: TtlCaps): UpstreamGroup {
    const upstreams = new UpstreamPool()
    const onDown = (upstream: Upstream): void => this.#probe.revive({ domain, upstreams }, upstream)
    const deps = { ...this.#deps, client: this.#client, upstreams, onDown }
    return { domain, upstreams, caps, forwarder: new Forwarder(this.#options, deps) }
  }

  #use(group: UpstreamGroup, found: readonly Upstream[]): void {
    group.upstreams.replace(found)
    this.#probe.check(group)
  }

  #stubGroups(): readonly UpstreamGroup[] {
    const { stubDomains, clusterDomain } = this.#options
    return parseStubDomains(stubDomains, clusterDomain)
      .map(({ labels, upstreams }) => {
        const group = this.#group(labels, this.#options)
        group.upstreams.replace(upstreams.filter((upstream) => !this.#deps.isOurself(upstream)))
        return group
      })
      .toSorted((one, other) => other.domain.length - one.domain.length)
  }

  #clusterGroup(): UpstreamGroup {
    const { clusterDomain, clusterDns } = this.#options
    const max = clusterDns.maxTtlSeconds
    const group = this.#group(labelsOfDomain(clusterDomain), {
      cacheMinTtlSeconds: Math.min(this.#options.cacheMinTtlSeconds, max),
      cacheMaxTtlSeconds: Math.min(this.#options.cacheMaxTtlSeconds, max),
      cacheMaxNegativeTtlSeconds: Math.min(this.#options.cacheMaxNegativeTtlSeconds, max),
    })
    group.upstreams.replace(clusterDns.upstreams.map(configuredUpstream))
    return group
  }

  #followCluster(): void {
    const cluster = this.#cluster
    if (cluster === undefined) return
    const { upstreams, services } = this.#options.clusterDns
    const onChange = (found: readonly Upstream[]): void => this.#use(cluster, found)
    if (upstreams.length > 0) this.#probe.check(cluster)
    else this.#clusterDns = new ClusterDns(services, { ...this.#deps, onChange })
  }
}
