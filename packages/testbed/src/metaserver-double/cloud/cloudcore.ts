import type { WatchEvent } from '../../api-double/api-object.ts'
import { StatusError } from '../../api-double/status-error.ts'
import type { Faults } from '../faults/faults.ts'
import type { Link } from '../link/link.ts'
import { type Place, type Resource, resourceText } from '../resource.ts'
import type { Counters } from '../stats.ts'
import type { Cloud, CloudAnswer, CloudRequest } from './cloud.ts'
import { Informers } from './informers.ts'
import { type Application, Listener } from './listener.ts'
import type { Operation } from './message.ts'
import { type MessageReceiver, NodeSession, type NodeSessionParts } from './node-session.ts'
import { NodeView } from './node-view.ts'

export interface CloudCoreParts extends Omit<NodeSessionParts, 'truth' | 'node'> {
  readonly cloud: Cloud
  /** Whose node groups endpoints are kept to; `undefined`: they are not. */
  readonly nodeName: string | undefined
}

/** Reason for the link to be down while CloudCore is. */
const NOT_RUNNING = 'CloudCore is not running'

/**
 * KubeEdge's side in the cloud, for one node: answers its requests, knows its watches (in memory only) and sends it what
 * they are about.
 */
export class CloudCore implements Disposable {
  readonly #cloud: Cloud
  readonly #link: Link
  readonly #faults: Readonly<Faults>
  readonly #counters: Counters
  readonly #parts: CloudCoreParts
  readonly #session: NodeSession
  /** By the application's id. */
  readonly #listeners = new Map<string, Listener>()
  /** Of the API server rather than of this CloudCore: they outlive a restart. */
  readonly #informers: Informers
  readonly #view: NodeView
  /** Resources that were watched since the last restart. */
  readonly #informed = new Set<string>()
  readonly #denied = new Set<string>()
  #restarting: Disposable | undefined
  #isRunning = true
  /** The denied resource that a watch waits for; `undefined`: none does. */
  #blockedBy: string | undefined

  constructor(node: MessageReceiver, parts: CloudCoreParts) {
    this.#parts = parts
    this.#cloud = parts.cloud
    this.#link = parts.link
    this.#faults = parts.faults
    this.#counters = parts.counters
    this.#informers = new Informers(parts.cloud, (resource, event) => this.#onEvent(resource, event))
    this.#view = new NodeView({ informers: this.#informers, faults: parts.faults, nodeName: parts.nodeName })
    this.#session = new NodeSession({
      ...parts,
      node,
      truth: {
        current: ({ resource, object: { metadata } }) =>
          this.#informers.started(resource)?.find(metadata.namespace, metadata.name),
        isInformed: (resource) => this.#informed.has(resourceText(resource)),
      },
    })
  }

  get state(): { readonly blocked: boolean; readonly listeners: number } & Pick<
    NodeSession,
    'queued' | 'syncs'
  > {
    const { queued, syncs } = this.#session
    return { blocked: this.#blockedBy !== undefined, listeners: this.#listeners.size, queued, syncs }
  }

  /**
   * Answers a request of the node, as the API server does to CloudCore.
   *
   * @param place - what a GET is of, where it is of a resource
   * @throws {ConnectionLostError} {CloudTimeoutError} when the link, or CloudCore, gives no answer
   */
  async request(request: CloudRequest, place: Place | undefined): Promise<CloudAnswer> {
    this.#counters.cloudRequests++
    return await this.#link.call(async () => {
      await this.#turn()
      if (place !== undefined && this.isDenied(place)) return forbidden(place)
      const answer = await this.#cloud.request(request)
      return place === undefined || request.method !== 'GET'
        ? answer
        : await this.#view.ofAnswer(answer, place)
    })
  }

  /** Takes note of a watch, and sends what it is about as far as the node was never told. */
  async register(application: Application): Promise<void> {
    this.#counters.cloudRequests++
    await this.#link.call(async () => {
      await this.#turn()
      await this.#listen(application)
    })
  }

  /** A watch is over; without a link that stays unknown. */
  close(id: string): void {
    if (this.#link.phase === 'up') this.#listeners.delete(id)
  }

  /** Learns which watches the node has. */
  async sync(applications: readonly Application[]): Promise<void> {
    if (this.#link.phase !== 'up') return
    const ids = new Set(applications.map(({ id }) => id))
    for (const id of this.#listeners.keys()) if (!ids.has(id)) this.#listeners.delete(id)
    for (const application of applications)
      if (!this.#listeners.has(application.id)) await this.#listen(application)
  }

  /** @param downMs - how long it takes */
  restart(downMs: number): void {
    this.#counters.cloudcoreRestarts++
    this.#stop()
    this.#blockedBy = undefined
    this.#restarting = this.#parts.clock.after(downMs, () => {
      this.#isRunning = true
      this.#link.obstruct(NOT_RUNNING, false)
    })
  }

  /** Takes from CloudCore, or gives back, the right to read a resource. */
  deny(resource: Resource, isDenied: boolean): void {
    const key = resourceText(resource)
    if (isDenied) this.#denied.add(key)
    else {
      this.#denied.delete(key)
      if (this.#blockedBy === key) this.#blockedBy = undefined
    }
  }

  isDenied(resource: Resource): boolean {
    return this.#denied.has(resourceText(resource))
  }

  [Symbol.dispose](): void {
    this.#restarting?.[Symbol.dispose]()
    this.#session[Symbol.dispose]()
    this.#listeners.clear()
  }

  #stop(): void {
    this.#restarting?.[Symbol.dispose]()
    this.#isRunning = false
    this.#listeners.clear()
    this.#informed.clear()
    this.#link.obstruct(NOT_RUNNING, true)
  }

  /** One loop serves all requests of all nodes: when it hangs, all of them do. */
  async #turn(): Promise<void> {
    if (this.#blockedBy !== undefined) await new Promise<never>(() => undefined)
  }

  async #listen(application: Application): Promise<void> {
    const { place } = application
    if (this.isDenied(place)) {
      if (this.#faults.deniedWatchBlocks) this.#blockedBy = resourceText(place)
      await this.#turn()
      throw new StatusError('Forbidden', forbiddenMessage(place))
    }
    await this.#view.prepare(place)
    const informer = await this.#informers.of(place)
    if (informer === undefined) {
      if (this.#faults.unknownWatchCrashes) this.#crash()
      throw new StatusError('NotFound', 'the server could not find the requested resource')
    }
    this.#informed.add(resourceText(place))
    const listener = new Listener(application, this.#faults)
    this.#listeners.set(application.id, listener)
    for (const object of informer.all())
      if (listener.has(object)) this.#session.tell('insert', place, this.#view.ofObject(object))
  }

  #crash(): void {
    this.#counters.cloudcoreCrashes++
    this.#stop()
  }

  #onEvent(resource: Resource, event: WatchEvent): void {
    if (!this.#isRunning) return
    const key = resourceText(resource)
    const operations = new Set<Operation | undefined>()
    for (const listener of this.#listeners.values())
      if (resourceText(listener.place) === key) operations.add(listener.operationFor(event))
    // Where one watch loses sight of an object and another does not, the node keeps it.
    const operation = (['insert', 'update', 'delete'] as const).find((one) => operations.has(one))
    if (operation !== undefined) this.#session.tell(operation, resource, this.#view.ofObject(event.object))
  }
}

function forbidden(place: Place): CloudAnswer {
  const { status } = new StatusError('Forbidden', forbiddenMessage(place))
  return { code: 403, contentType: 'application/json', text: JSON.stringify(status) }
}

function forbiddenMessage({ group, resource, name }: Place): string {
  const what = group === '' ? resource : `${resource}.${group}`
  return `${what} is forbidden: User "system:serviceaccount:kubeedge:cloudcore" cannot ${name === undefined ? 'list' : 'get'} resource "${resource}" in API group "${group}" at the cluster scope`
}
