import type { ServerCertificate } from '../api-double/http/certificate.ts'
import { buildParts, type MetaServerDoubleDeps, type Parts } from './assembly.ts'
import type { ObjectName } from './cloud/cloud.ts'
import { ControlServer } from './control/control-server.ts'
import type { Faults } from './faults/faults.ts'
import type { LinkSettings } from './link/link.ts'
import { DEFAULT_METASERVER_DOUBLE_OPTIONS, type MetaServerDoubleOptions } from './options.ts'
import type { Resource } from './resource.ts'
import type { Stats } from './stats.ts'

/** Reason for the link to be down. */
const EDGE_RESTARTS = 'the edge restarts'

/**
 * A double of KubeEdge's MetaServer: the API server that a node has for itself, with a cloud behind a link that may break,
 * a store for then, and everything that is wrong with it, behind switches.
 */
export class MetaServerDouble implements AsyncDisposable {
  readonly #running: AsyncDisposableStack
  readonly #secure: boolean
  readonly #parts: Parts
  #control: ControlServer | undefined
  #surfaceChange: Promise<void> = Promise.resolve()

  private constructor(parts: Parts, running: AsyncDisposableStack) {
    this.#parts = parts
    this.#running = running
    this.#secure = parts.certificate !== undefined
    parts.link.onPhase((phase) => {
      if (phase === 'up') this.#onConnected()
    })
  }

  /**
   * Resolves when it serves; does not wait for an upstream. With an upstream and secure mode it serves once the upstream
   * was reached, unless `noOfflineRestart` is off.
   */
  static async start(
    options: Partial<MetaServerDoubleOptions> = {},
    deps: MetaServerDoubleDeps = {},
  ): Promise<MetaServerDouble> {
    const all = { ...DEFAULT_METASERVER_DOUBLE_OPTIONS, ...options }
    const { controlHost: host, controlPort: port } = all
    const running = new AsyncDisposableStack()
    try {
      const double = new MetaServerDouble(await buildParts(all, deps, running), running)
      await double.#listenUnlessOffline()
      if (port !== undefined) double.#control = running.use(await ControlServer.start(double, { host, port }))
      return double
    } catch (error) {
      await running.disposeAsync()
      throw error
    }
  }

  /** Base URL of MetaServer, without a slash at the end. */
  get url(): string {
    return this.#parts.surface.url
  }

  get port(): number {
    return this.#parts.surface.port
  }

  /** Base URL of the control API, if there is one. */
  get controlUrl(): string | undefined {
    return this.#control?.url
  }

  /** Base URL of the API server that is the cloud. */
  get cloudUrl(): string {
    return this.#parts.cloud.url
  }

  /** Certificate, which is its own authority, and key, PEM; `undefined` without secure mode. */
  get certificate(): ServerCertificate | undefined {
    return this.#parts.certificate
  }

  get faults(): Faults {
    return { ...this.#parts.faults }
  }

  get stats(): Stats {
    const { cloudcore, counters, hub, link, node, store, surface } = this.#parts
    const { blocked, listeners, queued, syncs } = cloudcore.state
    const { state, rttMs } = link.settings
    return {
      ...counters,
      ...{ link: state, phase: link.phase, rttMs, listening: surface.isListening },
      ...{ blocked, queued, listeners, objectSyncs: syncs.size, ghosts: syncs.orphans },
      ...{ stalled: hub.isStalled, watches: hub.size, rows: store.size, revision: node.revision },
    }
  }

  /** Works at once, also for what is open. */
  setFaults(faults: Partial<Faults>): void {
    Object.assign(this.#parts.faults, faults)
  }

  setLink(settings: Partial<LinkSettings>): void {
    this.#parts.link.set(settings)
  }

  /** @param downMs - how long it takes */
  restartCloudcore(downMs = 0): void {
    this.#parts.cloudcore.restart(downMs)
  }

  /** Cuts all clients, starts anew from the database, and listens at the same port again. */
  async restartEdge({ wipe = false }: { readonly wipe?: boolean } = {}): Promise<void> {
    const { counters, link, node, surface } = this.#parts
    counters.edgeRestarts++
    await this.#changeSurface(async () => await surface.close())
    link.obstruct(EDGE_RESTARTS, true)
    node.restart(wipe)
    link.obstruct(EDGE_RESTARTS, false)
    await this.#listenUnlessOffline()
  }

  /** Creates or replaces objects in the cloud: YAML or JSON. */
  async apply(manifests: string | readonly object[]): Promise<void> {
    const text =
      typeof manifests === 'string'
        ? manifests
        : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests })
    await this.#parts.cloud.apply(text)
  }

  /** Deletes an object in the cloud. */
  async delete(name: ObjectName): Promise<void> {
    await this.#parts.cloud.delete(name)
  }

  /** The next deliveries are acknowledged by the node, and lost. */
  dropNextEvent(count = 1): void {
    this.#parts.node.dropNext(count)
  }

  /** Takes the right to read a resource away, or gives it back. In secure mode clients lose it, too. */
  deny(resource: Resource, isDenied = true): void {
    this.#parts.cloudcore.deny(resource, isDenied)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]()
  }

  #onConnected(): void {
    void this.#parts.node.onConnected()
    // What a restart without the cloud left undone.
    void this.#changeSurface(async () => await this.#listen())
  }

  async #listenUnlessOffline(): Promise<void> {
    const { faults, link } = this.#parts
    if (this.#secure && faults.noOfflineRestart && link.phase !== 'up') return
    await this.#changeSurface(async () => await this.#listen())
  }

  async #listen(): Promise<void> {
    const { surface } = this.#parts
    if (!surface.isListening && !this.#running.disposed) await surface.listen()
  }

  /** One change of the listener at a time. */
  async #changeSurface(change: () => Promise<void>): Promise<void> {
    const changing = this.#surfaceChange.then(change)
    this.#surfaceChange = changing.catch(() => undefined)
    await changing
  }
}
