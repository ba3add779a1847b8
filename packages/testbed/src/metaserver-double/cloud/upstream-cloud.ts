import { ApiDoubleClient } from '../../api-double/api-double-client.ts'
import type { WatchEvent } from '../../api-double/api-object.ts'
import { type KindName, kindNamed } from '../../api-double/kinds.ts'
import { type Resource, resourceText } from '../resource.ts'
import type { Clock } from '../time/clock.ts'
import type { Cloud, CloudAnswer, CloudRequest, Informer, ObjectName } from './cloud.ts'
import { sendRequest } from './http-request.ts'
import { RemoteInformer } from './remote-informer.ts'

export interface UpstreamCloudParts {
  readonly clock: Clock
  readonly heartbeatIntervalMs: number
  readonly reconnectDelayMs: number
  /** What one request of a heartbeat may take. */
  readonly timeoutMs: number
  /** Told at each change, with why it was lost; nothing is known at first. */
  readonly onReachable: (isReachable: boolean, error: unknown) => void
}

/**
 * An API server elsewhere. What happens while it can't be reached is told before it counts as reached again, so that it
 * counts as having happened while the link was down.
 */
export class UpstreamCloud implements Cloud {
  readonly url: string
  readonly #parts: UpstreamCloudParts
  readonly #client: ApiDoubleClient
  readonly #informers = new Map<string, RemoteInformer>()
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  /** Of the present connection; aborted by whoever notices first that it is lost. */
  #connection = new AbortController()

  private constructor(url: string, parts: UpstreamCloudParts) {
    this.url = url.replace(/\/$/, '')
    this.#parts = parts
    this.#client = new ApiDoubleClient(this.url)
    this.#running = this.#run()
  }

  /** Connects in the background; does not wait for the upstream. */
  static start(url: string, parts: UpstreamCloudParts): UpstreamCloud {
    return new UpstreamCloud(url, parts)
  }

  async request(request: CloudRequest): Promise<CloudAnswer> {
    return await sendRequest(this.url, request, this.#connection.signal)
  }

  async inform(resource: Resource, onEvent: (event: WatchEvent) => void): Promise<Informer | undefined> {
    const informer = new RemoteInformer(this.url, resource, onEvent)
    const { signal } = this.#connection
    if (!(await informer.list(signal, 'silent'))) return undefined
    this.#informers.set(resourceText(resource), informer)
    void this.#follow(informer, signal)
    return informer
  }

  async apply(manifests: string): Promise<void> {
    await this.#client.apply(manifests)
  }

  async delete({ kind, namespace, name }: ObjectName): Promise<void> {
    const { namespaced } = kindNamed(kind as KindName)
    await this.#client.delete(kind as KindName, namespaced ? `${namespace ?? 'default'}/${name}` : name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    this.#connection.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const error = await this.#stayConnected()
      this.#connection.abort()
      if (this.#stopping.signal.aborted) return
      this.#parts.onReachable(false, error)
      await this.#pause(this.#parts.reconnectDelayMs)
    }
  }

  /** @returns why it is over */
  async #stayConnected(): Promise<unknown> {
    this.#connection = new AbortController()
    const { signal } = this.#connection
    try {
      await this.#beat(signal)
      await Promise.all(
        [...this.#informers.values()].map(async (informer) => await informer.list(this.#limited(signal))),
      )
      this.#parts.onReachable(true, undefined)
      for (const informer of this.#informers.values()) void this.#follow(informer, signal)
      for (;;) {
        await this.#pause(this.#parts.heartbeatIntervalMs, signal)
        signal.throwIfAborted()
        await this.#beat(signal)
      }
    } catch (error) {
      return signal.aborted ? signal.reason : error
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    await sendRequest(this.url, { method: 'GET', path: '/version' }, this.#limited(signal))
  }

  async #follow(informer: RemoteInformer, signal: AbortSignal): Promise<void> {
    const connection = this.#connection
    try {
      await informer.watch(signal)
    } catch (error) {
      if (!signal.aborted) connection.abort(error)
    }
  }

  #limited(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.#parts.timeoutMs)])
  }

  /** Waits, but not beyond the end of the double or of the connection. */
  async #pause(durationMs: number, connection?: AbortSignal): Promise<void> {
    const signals = [this.#stopping.signal, ...(connection === undefined ? [] : [connection])]
    const stop = AbortSignal.any(signals)
    if (stop.aborted) return
    const over = Promise.withResolvers<void>()
    using _timer = this.#parts.clock.after(durationMs, over.resolve)
    stop.addEventListener('abort', () => over.resolve(), { once: true })
    await over.promise
  }
}
