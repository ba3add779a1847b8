import {
  type Faults,
  MetaServerDouble,
  type MetaServerDoubleOptions,
  ObjectStore,
  type Stats,
} from '@edgeway/testbed'
import { expect } from 'vitest'
import type { MetadataOptions } from '../../src/metadata.ts'
import { eventually, RunningMetadata } from './running-metadata.ts'

/** Times of KubeEdge and of the mesh, so short that a test sees many; those that would hide a fault are as they are. */
const SHORT: Partial<MetaServerDoubleOptions> = {
  cloudTimeoutMs: 200,
  ackTimeoutMs: 50,
  syncIntervalMs: 20,
  keepaliveTimeoutMs: 100,
  // Whatever happens in the gap is seen with the next list only.
  watchGapMs: 0,
}

type EdgeSetting = Partial<MetadataOptions> & {
  readonly faults?: Partial<Faults>
  readonly double?: Partial<MetaServerDoubleOptions>
}

/** A node of KubeEdge with Metadata on it: a cloud, a link, a MetaServer with its faults, and who asks it. */
export class Edge implements AsyncDisposable {
  /** The cluster's truth. */
  readonly store: ObjectStore
  readonly double: MetaServerDouble
  readonly #options: Partial<MetadataOptions>
  #running: RunningMetadata | undefined

  private constructor({ store, double }: Pick<Edge, 'store' | 'double'>, options: Partial<MetadataOptions>) {
    this.store = store
    this.double = double
    this.#options = { probeIntervalMs: 20, ...options }
  }

  /** All faults of a release, unless said otherwise. Resolves when the cluster's objects are known and watched. */
  static async start(objects: readonly object[], setting: EdgeSetting = {}): Promise<Edge> {
    const edge = await Edge.prepare(setting)
    await edge.double.apply(objects)
    await edge.restartMetadata()
    await edge.running.services.whenLoaded(AbortSignal.timeout(15_000))
    await edge.watching(3)
    return edge
  }

  /** A cluster without objects, and nobody who asks for any. */
  static async prepare({ faults = {}, double = {}, ...options }: EdgeSetting = {}): Promise<Edge> {
    const store = new ObjectStore({ admission: false })
    const parts = { store, double: await MetaServerDouble.start({ ...SHORT, ...double, faults }, { store }) }
    return new Edge(parts, options)
  }

  get running(): RunningMetadata {
    if (this.#running === undefined) throw new Error('Metadata is not started')
    return this.#running
  }

  get stats(): Stats {
    return this.double.stats
  }

  /** What /statusz says. */
  get status(): MetadataStatus {
    return this.running.deps.status.read('metadata') as MetadataStatus
  }

  ignored(reason: string, kind = 'services'): number {
    return this.running.deps.metrics.value('edgeway_metadata_ignored_objects_total', { kind, reason })
  }

  lists(listClass: string, kind = 'services'): number {
    return this.running.deps.metrics.value('edgeway_metadata_lists_total', { kind, class: listClass })
  }

  /** Waits until the source was seen to be cut off from the cluster. */
  async goOffline(): Promise<void> {
    this.double.setLink({ state: 'down' })
    await eventually(() => expect(this.status.source.stale).toBe(true))
  }

  async goOnline(): Promise<void> {
    this.double.setLink({ state: 'up' })
    await eventually(() => expect(this.status.source.stale).toBe(false))
  }

  /** Waits until so many watches are open, and the node was told of all that they are about. */
  async watching(least: number): Promise<void> {
    await eventually(() => {
      expect(this.stats.watches).toBeGreaterThanOrEqual(least)
      expect(this.stats.queued).toBe(0)
    })
  }

  /** Cuts all connections, so that lists follow at once. */
  async cut(): Promise<void> {
    await this.double.restartEdge()
  }

  /** Waits until the node has these rows for itself, and nothing is under way to it. */
  async stored(rows: number): Promise<void> {
    await eventually(() => {
      expect(this.stats.rows).toBeGreaterThanOrEqual(rows)
      expect(this.stats.queued).toBe(0)
    })
  }

  /** Starts Metadata, anew if it runs; resolves before it has asked anything. */
  async restartMetadata(): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]()
    this.#running = await RunningMetadata.start(this.double.url, this.#options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]()
    await this.double[Symbol.asyncDispose]()
  }
}

interface KindStatus {
  readonly objects: number
  readonly lastList?: string
  readonly secondsSinceAuthoritativeList?: number
  readonly ignored: Readonly<Record<'older' | 'ghost' | 'other-uid', number>>
  readonly malformed: number
  readonly corrupted: number
}

export interface MetadataStatus {
  readonly source: {
    readonly kind: string
    readonly url: string
    readonly state: string
    readonly stale: boolean
    readonly secondsSinceAuthoritative: number | null
  }
  readonly kinds: Readonly<Record<string, KindStatus>>
  readonly ownEndpoints: { readonly moved: number; readonly dead: number }
  readonly store: { readonly failing: boolean } | null
}
