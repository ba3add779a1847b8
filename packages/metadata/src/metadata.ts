import type {
  Component,
  ComponentDeps,
  Logger,
  NodeDirectory,
  NodeName,
  ServiceDirectory,
} from '@edgeway/core'
import { ClusterDirectory } from './cluster-directory.ts'
import { mapEndpointSlice } from './endpoint-slice-mapper.ts'
import { type ApiObject, objectKey } from './kubernetes/api-object.ts'
import { kubeconfigTransport } from './kubernetes/kubeconfig-transport.ts'
import { httpTransport, type Transport } from './kubernetes/transport.ts'
import { type MetadataMetrics, metadataMetrics } from './metrics.ts'
import { mapNode } from './node-mapper.ts'
import type { ObjectChanges } from './object-set.ts'
import { type ReflectedKind, Reflector, type ReflectorOptions, type ReflectorSink } from './reflector.ts'
import { mapService } from './service-mapper.ts'

/** Where the cluster's objects come from: KubeEdge's local API server, or the cluster's own. */
export type MetadataSource =
  | { readonly kind: 'metaserver'; readonly url: string }
  | { readonly kind: 'apiserver'; readonly kubeconfig?: string; readonly context?: string }

export interface MetadataOptions extends ReflectorOptions {
  readonly source: MetadataSource
}

export const DEFAULT_METADATA_OPTIONS: MetadataOptions = {
  source: { kind: 'metaserver', url: 'http://127.0.0.1:10550' },
  listTimeoutMs: 20_000,
  watchTimeoutSeconds: 270,
  relistIntervalMs: 450_000,
  minRetryDelayMs: 1_000,
  maxRetryDelayMs: 30_000,
}

const SERVICES: ReflectedKind = { name: 'services', path: '/api/v1/services' }
const SLICES: ReflectedKind = { name: 'endpointslices', path: '/apis/discovery.k8s.io/v1/endpointslices' }
const NODES: ReflectedKind = { name: 'nodes', path: '/api/v1/nodes' }

/** How one kind of objects gets into the directory. */
interface Projection {
  set(object: ApiObject): void
  delete(object: ApiObject): void
}

/** Follows the cluster's Services, EndpointSlices and Nodes, and answers for them from memory. */
export class Metadata implements Component {
  readonly services: ServiceDirectory
  readonly nodes: NodeDirectory
  readonly #stop: AbortController
  readonly #running: Promise<unknown>

  private constructor(directory: ClusterDirectory, stop: AbortController, running: Promise<unknown>) {
    this.services = directory
    this.nodes = directory
    this.#stop = stop
    this.#running = running
  }

  /**
   * Returns before anything was asked; the directories fill as answers come.
   *
   * @throws {SourceError} when the kubeconfig can't be used
   */
  static async start(options: MetadataOptions, deps: ComponentDeps): Promise<Metadata> {
    const logger = deps.logger.child({ component: 'metadata' })
    const metrics = metadataMetrics(deps.metrics)
    const transport = await transportFor(options.source)
    const directory = new ClusterDirectory()
    const stop = new AbortController()
    const gate = deps.readiness.gate('metadata')
    gate.shut(`no list of Services and EndpointSlices from ${transport.url} yet`)
    const missing = new Set([SERVICES.name, SLICES.name])
    const onListed = (kind: ReflectedKind): void => {
      if (!missing.delete(kind.name) || missing.size > 0) return
      directory.markLoaded()
      gate.open()
      logger.info('directory is loaded')
    }

    const run = (kind: ReflectedKind, projection: Projection): Promise<void> => {
      const project = projector(kind, projection, { logger, metrics })
      const sink: ReflectorSink = { apply: project, onListed: () => onListed(kind) }
      return Reflector.run(kind, options, { transport, sink, logger, metrics, stop: stop.signal })
    }
    const running = Promise.all([
      run(SERVICES, serviceProjection(directory)),
      run(SLICES, sliceProjection(directory)),
      run(NODES, nodeProjection(directory)),
    ])
    return new Metadata(directory, stop, running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

async function transportFor(source: MetadataSource): Promise<Transport> {
  return source.kind === 'metaserver' ? httpTransport(source.url) : kubeconfigTransport(source)
}

/** A malformed object is left out, and named; what was known of it before stays. */
function projector(
  kind: ReflectedKind,
  projection: Projection,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: MetadataMetrics },
): (changes: ObjectChanges) => void {
  return ({ set, deleted }) => {
    for (const object of deleted) projection.delete(object)
    for (const object of set) {
      try {
        projection.set(object)
      } catch (error) {
        metrics.skipped.add({ kind: kind.name })
        logger.warn('malformed object skipped', { kind: kind.name, object: objectKey(object), error })
      }
    }
  }
}

function serviceProjection(directory: ClusterDirectory): Projection {
  return {
    set: (object) => directory.setService(mapService(object)),
    delete: (object) => directory.deleteService(objectKey(object)),
  }
}

function sliceProjection(directory: ClusterDirectory): Projection {
  return {
    set: (object) => {
      const slice = mapEndpointSlice(object)
      if (slice === undefined) directory.deleteSlice(objectKey(object))
      else directory.setSlice(objectKey(object), slice)
    },
    delete: (object) => directory.deleteSlice(objectKey(object)),
  }
}

function nodeProjection(directory: ClusterDirectory): Projection {
  return {
    set: (object) => directory.setNode(mapNode(object)),
    delete: (object) => directory.deleteNode(object.metadata.name as NodeName),
  }
}
