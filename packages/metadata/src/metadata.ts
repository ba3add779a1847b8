import type { Component, ComponentDeps, NodeDirectory, NodeName, ServiceDirectory } from '@edgeway/core'
import { ClusterDirectory } from './directory/cluster-directory.ts'
import { DestinationRuleIndex } from './directory/destination-rule-index.ts'
import { DestinationRuleLog } from './directory/destination-rule-log.ts'
import { destinationRules, ENDPOINT_SLICES, ENDPOINTS, NODES, services } from './kinds.ts'
import type { ServiceFilterMode } from './mappers/service-mapper.ts'
import { type MetadataMetrics, metadataMetrics } from './metrics.ts'
import {
  DEFAULT_OWN_ENDPOINTS_OPTIONS,
  OwnEndpoints,
  type OwnEndpointsOptions,
} from './own-endpoints/own-endpoints.ts'
import type { ReflectedKind } from './reflector/reflected-kind.ts'
import { Reflector, type ReflectorOptions } from './reflector/reflector.ts'
import { type MetadataSource, openSource, type Source } from './source/source.ts'
import { SourceHealth } from './source/source-health.ts'
import { SourceProbe, type SourceProbeOptions } from './source/source-probe.ts'
import { OfflineStore } from './store/offline-store.ts'
import { DEFAULT_VIRTUAL_ADDRESS_OPTIONS, type VirtualAddressOptions } from './virtual/options.ts'
import { VirtualAddresses } from './virtual/virtual-addresses.ts'

export interface MetadataOptions extends ReflectorOptions, SourceProbeOptions {
  readonly source: MetadataSource
  readonly serviceFilterMode: ServiceFilterMode
  /** Of Services' names, in the hosts of DestinationRules; `cluster.local` unless given. */
  readonly clusterDomain?: string | undefined
  /** SQLite file in which the objects are kept for a start while the source is away; without, nothing is. */
  readonly storeFile?: string | undefined
  readonly ownEndpoints: OwnEndpointsOptions
  readonly virtualAddresses: VirtualAddressOptions
}

export const DEFAULT_METADATA_OPTIONS: MetadataOptions = {
  source: { kind: 'metaserver', url: 'http://127.0.0.1:10550' },
  serviceFilterMode: 'FilterIfLabelExists',
  listTimeoutMs: 20_000,
  watchTimeoutSeconds: 270,
  relistIntervalMs: 450_000,
  probeIntervalMs: 30_000,
  minRetryDelayMs: 1_000,
  maxRetryDelayMs: 30_000,
  ownEndpoints: DEFAULT_OWN_ENDPOINTS_OPTIONS,
  virtualAddresses: DEFAULT_VIRTUAL_ADDRESS_OPTIONS,
}

const DEFAULT_CLUSTER_DOMAIN = 'cluster.local'

export type MetadataDeps = ComponentDeps & { readonly nodeName: NodeName }

/** Follows the cluster's Services, their endpoints and the Nodes, and answers for them from memory. */
export class Metadata implements Component {
  /** What can be called: also endpoints of headless Services on other sites, by their virtual addresses. */
  readonly services: ServiceDirectory
  /** What names stand for. */
  readonly names: ServiceDirectory
  readonly nodes: NodeDirectory
  readonly #options: MetadataOptions
  readonly #deps: MetadataDeps
  readonly #source: Source
  readonly #metrics: MetadataMetrics
  readonly #destinationRules = new DestinationRuleIndex()
  readonly #directory: ClusterDirectory
  readonly #health = new SourceHealth(() => performance.now())
  readonly #probe: SourceProbe
  readonly #ownEndpoints: OwnEndpoints
  readonly #store: OfflineStore | undefined
  readonly #virtualAddresses: VirtualAddresses
  readonly #stop = new AbortController()
  readonly #reflectors = new Map<string, Pick<Reflector<unknown>, 'status'>>()
  readonly #running: Promise<void>[] = []
  readonly #listed = new Set<string>()
  #stopped: Promise<void> | undefined

  private constructor(options: MetadataOptions, source: Source, deps: MetadataDeps) {
    const { logger, metrics, nodeName } = deps
    this.#options = options
    this.#deps = deps
    this.#source = source
    this.#metrics = metadataMetrics(metrics)
    const { signal: stop } = this.#stop
    this.#probe = new SourceProbe(options, { source, health: this.#health, stop })
    this.#directory = new ClusterDirectory(nodeName, this.#destinationRules)
    this.nodes = this.#directory
    this.#store = options.storeFile === undefined ? undefined : OfflineStore.open(options.storeFile, logger)
    this.#virtualAddresses = new VirtualAddresses(options.virtualAddresses, {
      ...deps,
      services: this.#directory,
      nodes: this.#directory,
      store: this.#store,
    })
    this.services = this.#virtualAddresses.services
    this.names = this.#virtualAddresses.names
    this.#ownEndpoints = new OwnEndpoints(options.ownEndpoints, {
      ...deps,
      endpoints: () => this.#directory.ownEndpoints(),
      corrected: (corrections) => this.#directory.correct(corrections),
    })
  }

  /**
   * Returns before anything was asked: the directories have what was stored, and follow as answers come.
   *
   * @throws {SourceError} when the source is no URL, or the kubeconfig can't be used
   * @throws {AddressRangeError} when a range of virtual addresses can't be used
   */
  static async start(options: MetadataOptions, deps: MetadataDeps): Promise<Metadata> {
    const source = await openSource(options.source)
    const logger = deps.logger.child({ component: 'metadata' })
    const metadata = new Metadata(options, source, { ...deps, logger })
    metadata.#run()
    return metadata
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
    await this.#ownEndpoints[Symbol.asyncDispose]()
    this.#virtualAddresses[Symbol.dispose]()
    await this.#store?.[Symbol.asyncDispose]()
  }

  #run(): void {
    const directory = this.#directory
    const gate = this.#deps.readiness.gate('metadata')
    gate.shut(`no list of Services and their endpoints from ${this.#source.transport.url} yet`)
    const showLoaded = (): void => {
      if (directory.loaded || !this.#knowsServicesAndEndpoints()) return
      directory.markLoaded()
      gate.open()
      this.#deps.logger.info('directory is loaded')
    }
    this.#metrics.stale.set({}, 1)
    this.#health.watch((isStale) => {
      this.#metrics.stale.set({}, isStale ? 1 : 0)
      this.#ownEndpoints.setStale(isStale)
    })
    this.#deps.status.section('metadata', () => this.#status())

    this.#follow(services(this.#options.serviceFilterMode), {
      set: (key, service) => directory.setService(key, service),
      onListed: showLoaded,
    })
    this.#follow(NODES, { set: (key, node) => directory.setNode(key as NodeName, node) })
    this.#follow(ENDPOINT_SLICES, {
      set: (key, slice) => directory.setSlice(key, slice),
      onChanged: () => this.#ownEndpoints.check(),
      onListed: showLoaded,
      onUnreliable: () => this.#followEndpoints(showLoaded),
    })
    this.#followDestinationRules()
    if (this.#store?.listRevisionOf(ENDPOINTS.name) !== undefined) this.#followEndpoints(showLoaded)
    this.#task(this.#probe.run())
  }

  #followDestinationRules(): void {
    const { logger } = this.#deps
    const directory = this.#directory
    const log = new DestinationRuleLog(this.#destinationRules, logger)
    this.#follow(destinationRules(this.#options.clusterDomain ?? DEFAULT_CLUSTER_DOMAIN), {
      set: (key, rule) => {
        directory.setDestinationRule(key, rule)
        log.set(key, rule)
      },
      onChanged: () => log.tellRivals(),
    })
  }

  #followEndpoints(onListed: () => void): void {
    if (this.#reflectors.has(ENDPOINTS.name)) return
    this.#deps.logger.info('EndpointSlices can not be relied on, following Endpoints besides')
    this.#follow(ENDPOINTS, {
      set: (service, slices) => this.#directory.setEndpoints(service, slices),
      onChanged: () => this.#ownEndpoints.check(),
      onListed,
    })
  }

  #follow<Value>(kind: ReflectedKind<Value>, to: Follower<Value>): void {
    const { onListed = () => {}, onChanged = () => {}, onUnreliable = () => {} } = to
    const reflector = new Reflector(kind, this.#options, {
      source: this.#source,
      health: this.#health,
      probe: this.#probe,
      store: this.#store,
      logger: this.#deps.logger,
      metrics: this.#metrics,
      timeout: AbortSignal.timeout.bind(AbortSignal),
      stop: this.#stop.signal,
      onUnreliable,
      onChanges: (changes) => {
        this.#directory.batch(() => {
          for (const { key, value } of changes) to.set(key, value)
        })
        onChanged()
      },
      onListed: () => {
        this.#listed.add(kind.name)
        onListed()
      },
    })
    this.#reflectors.set(kind.name, reflector)
    reflector.restore()
    this.#task(reflector.run())
  }

  #knowsServicesAndEndpoints(): boolean {
    return (
      this.#listed.has('services') &&
      (this.#listed.has(ENDPOINT_SLICES.name) || this.#listed.has(ENDPOINTS.name))
    )
  }

  #task(work: Promise<void>): void {
    this.#running.push(work.catch(this.#deps.onFatal))
  }

  #status(): unknown {
    const { transport, config } = this.#source
    const { state, isStale, secondsSinceAuthoritative = null } = this.#health
    const kinds = [...this.#reflectors].map(([name, { status }]) => [name, status])
    return {
      source: { kind: config.kind, url: transport.url, state, stale: isStale, secondsSinceAuthoritative },
      kinds: Object.fromEntries(kinds),
      ownEndpoints: this.#ownEndpoints.corrections.counts,
      virtualAddresses: this.#virtualAddresses.status,
      store: this.#store === undefined ? null : { failing: this.#store.isFailing },
    }
  }
}

/** Where the objects of a kind go. */
interface Follower<Value> {
  /** @param value - `undefined`: there is none of that key any more */
  set(key: string, value: Value | undefined): void
  /** After each batch of changes. */
  onChanged?(): void
  onListed?(): void
  onUnreliable?(): void
}
