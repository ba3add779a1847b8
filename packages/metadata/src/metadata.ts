import type {
  Component,
  ComponentDeps,
  Node,
  NodeDirectory,
  NodeName,
  Service,
  ServiceDirectory,
} from '@edgeway/core'
import { ClusterDirectory } from './cluster-directory.ts'
import { type EndpointSlice, mapEndpointSlice } from './endpoint-slice-mapper.ts'
import { clusterAccess } from './kubernetes/cluster-access.ts'
import { httpTransport, type Transport } from './kubernetes/transport.ts'
import { metadataMetrics } from './metrics.ts'
import { mapNode } from './node-mapper.ts'
import type { ObjectChange } from './object-set.ts'
import { type ReflectedKind, Reflector, type ReflectorDeps, type ReflectorOptions } from './reflector.ts'
import { mapService } from './service-mapper.ts'
import { OfflineStore } from './store/offline-store.ts'

/** Where the cluster's objects come from: KubeEdge's local API server, or the cluster's own. */
export type MetadataSource =
  | { readonly kind: 'metaserver'; readonly url: string }
  | { readonly kind: 'apiserver'; readonly kubeconfig?: string; readonly context?: string }

export interface MetadataOptions extends ReflectorOptions {
  readonly source: MetadataSource
  /** SQLite file in which the objects are kept for a start while the source is away; without, nothing is. */
  readonly storeFile?: string | undefined
}

export const DEFAULT_METADATA_OPTIONS: MetadataOptions = {
  source: { kind: 'metaserver', url: 'http://127.0.0.1:10550' },
  listTimeoutMs: 20_000,
  watchTimeoutSeconds: 270,
  relistIntervalMs: 450_000,
  minRetryDelayMs: 1_000,
  maxRetryDelayMs: 30_000,
}

const SERVICES: ReflectedKind<Service> = { name: 'services', path: '/api/v1/services', map: mapService }
const SLICES: ReflectedKind<EndpointSlice> = {
  name: 'endpointslices',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  map: mapEndpointSlice,
}
const NODES: ReflectedKind<Node> = { name: 'nodes', path: '/api/v1/nodes', map: mapNode }

/** Follows the cluster's Services, EndpointSlices and Nodes, and answers for them from memory. */
export class Metadata implements Component {
  readonly services: ServiceDirectory
  readonly nodes: NodeDirectory
  readonly #stop: AbortController
  readonly #running: Promise<void>
  readonly #store: OfflineStore | undefined

  private constructor(
    directory: ClusterDirectory,
    stop: AbortController,
    parts: { readonly running: Promise<void>; readonly store: OfflineStore | undefined },
  ) {
    this.services = directory
    this.nodes = directory
    this.#stop = stop
    this.#running = parts.running
    this.#store = parts.store
  }

  /**
   * Returns before anything was asked: the directories have what was stored, and follow as answers come.
   *
   * @throws {SourceError} when the source is no URL, or the kubeconfig can't be used
   */
  static async start(options: MetadataOptions, deps: ComponentDeps): Promise<Metadata> {
    const logger = deps.logger.child({ component: 'metadata' })
    const metrics = metadataMetrics(deps.metrics)
    const transport = await transportFor(options.source)
    const directory = new ClusterDirectory()
    const { storeFile } = options
    const store = storeFile === undefined ? undefined : OfflineStore.open(storeFile, logger)
    const stop = new AbortController()
    const gate = deps.readiness.gate('metadata')
    gate.shut(`no list of Services and EndpointSlices from ${transport.url} yet`)
    const missing = new Set([SERVICES.name, SLICES.name])
    const onListed = (kind: string): void => {
      if (!missing.delete(kind) || missing.size > 0) return
      directory.markLoaded()
      gate.open()
      logger.info('directory is loaded')
    }

    const timeout = AbortSignal.timeout.bind(AbortSignal)
    const follow = async <Value>(kind: ReflectedKind<Value>, onChange: ApplyChange<Value>): Promise<void> => {
      const to = { onChange, onListed: () => onListed(kind.name) }
      await Reflector.run(kind, options, {
        ...to,
        transport,
        store,
        logger,
        metrics,
        timeout,
        stop: stop.signal,
      })
    }
    const following = [
      follow(SERVICES, (change) => applyService(directory, change)),
      follow(SLICES, (change) => applySlice(directory, change)),
      follow(NODES, (change) => applyNode(directory, change)),
    ]
    void Promise.all(following).catch(deps.onFatal)
    // Where one fails, the others run until the stop all the same.
    const running = Promise.allSettled(following).then(() => undefined)
    return new Metadata(directory, stop, { running, store })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#store?.[Symbol.asyncDispose]()
  }
}

type ApplyChange<Value> = ReflectorDeps<Value>['onChange']

async function transportFor(source: MetadataSource): Promise<Transport> {
  return source.kind === 'metaserver' ? httpTransport(source.url) : (await clusterAccess(source)).transport
}

function applyService(directory: ClusterDirectory, { key, value }: ObjectChange<Service>): void {
  if (value === undefined) directory.deleteService(key)
  else directory.setService(value)
}

function applySlice(directory: ClusterDirectory, { key, value }: ObjectChange<EndpointSlice>): void {
  if (value === undefined) directory.deleteSlice(key)
  else directory.setSlice(key, value)
}

function applyNode(directory: ClusterDirectory, { key, value }: ObjectChange<Node>): void {
  if (value === undefined) directory.deleteNode(key as NodeName)
  else directory.setNode(value)
}
