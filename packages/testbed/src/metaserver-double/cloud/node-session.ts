import type { ApiObject } from '../../api-double/api-object.ts'
import type { Faults } from '../faults/faults.ts'
import type { Link, LinkPhase } from '../link/link.ts'
import type { MetaServerDoubleOptions } from '../options.ts'
import { type Resource, versionOf } from '../resource.ts'
import type { Counters } from '../stats.ts'
import { type Clock, every, wait } from '../time/clock.ts'
import type { Random } from '../time/random.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import type { Message, Operation } from './message.ts'
import { type ObjectSync, ObjectSyncs } from './object-syncs.ts'

/** The node's side of the session. */
export interface MessageReceiver {
  /** Takes one message; resolving acknowledges it. */
  receive(message: Message): Promise<void>
}

/** What CloudCore knows of the truth. */
export interface Truth {
  /** The object that has the place of that one now. */
  current(sync: ObjectSync): ApiObject | undefined
  /** Whether the resource was watched since CloudCore's start. */
  isInformed(resource: Resource): boolean
}

export interface NodeSessionParts {
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  readonly faults: Readonly<Faults>
  readonly options: Pick<
    MetaServerDoubleOptions,
    'ackTimeoutMs' | 'maxSends' | 'syncIntervalMs' | 'keepaliveTimeoutMs'
  >
  readonly counters: Counters
  readonly node: MessageReceiver
  readonly truth: Truth
}

/** Resources that CloudCore follows from its start. */
const PRE_REGISTERED: readonly string[] = ['services', 'nodes']

/**
 * CloudHub's and SyncController's part for one node: delivers objects with acknowledgement, remembers what was
 * acknowledged, and sends again what the node lacks. A queue lives as long as the connection.
 */
export class NodeSession implements Disposable {
  readonly #parts: NodeSessionParts
  readonly #syncs = new ObjectSyncs()
  readonly #reconciling: Disposable
  #queue: DeliveryQueue | undefined
  #keepalive: Disposable | undefined

  constructor(parts: NodeSessionParts) {
    this.#parts = parts
    this.#reconciling = every(parts.clock, parts.options.syncIntervalMs, () => this.#reconcile())
    parts.link.onPhase((phase) => this.#onPhase(phase))
    this.#onPhase(parts.link.phase)
  }

  get queued(): number {
    return this.#queue?.size ?? 0
  }

  get syncs(): Pick<ObjectSyncs, 'size' | 'orphans'> {
    return this.#syncs
  }

  /** Tells the node of a change, unless it is known to know. Without a connection only notes that it should be told. */
  tell(operation: Operation, resource: Resource, object: ApiObject): void {
    const { uid = '' } = object.metadata
    const sync = this.#syncs.get(uid)
    if (operation === 'delete') {
      if (sync === undefined) return
    } else {
      if (sync !== undefined && sync.version >= versionOf(object)) return
      this.#syncs.note(uid, resource, object)
    }
    this.#queue?.push(uid, { operation, resource, object, isKindless: false })
  }

  [Symbol.dispose](): void {
    this.#reconciling[Symbol.dispose]()
    this.#disconnect()
  }

  #onPhase(phase: LinkPhase): void {
    this.#keepalive?.[Symbol.dispose]()
    const { clock, options } = this.#parts
    if (phase === 'up') this.#connect()
    else if (phase === 'down') this.#disconnect()
    else this.#keepalive = clock.after(options.keepaliveTimeoutMs, () => this.#disconnect())
  }

  #connect(): void {
    if (this.#queue !== undefined) return
    if (!this.#parts.faults.dedupeBySync) this.#syncs.forgetVersions()
    const queue = new DeliveryQueue(this.#parts.faults, this.#parts.random, async (message) => {
      await this.#deliver(message, queue)
    })
    this.#queue = queue
  }

  #disconnect(): void {
    this.#keepalive?.[Symbol.dispose]()
    this.#queue?.clear()
    this.#queue = undefined
  }

  /** Sends until it is acknowledged; what can't be delivered now waits for another turn. */
  async #deliver(message: Message, queue: DeliveryQueue): Promise<void> {
    const { clock, options } = this.#parts
    for (let sends = 0; sends < options.maxSends; sends++) {
      if (this.#queue !== queue || this.#isKnown(message)) return
      if (await this.#send(message)) {
        this.#acknowledge(message)
        return
      }
      await wait(clock, options.ackTimeoutMs)
    }
    const { uid = '' } = message.object.metadata
    if (this.#queue === queue && !queue.isWaiting(uid)) queue.push(uid, message)
  }

  /** @returns whether the acknowledgement came back */
  async #send(message: Message): Promise<boolean> {
    const { link, clock, node } = this.#parts
    const halfMs = link.settings.rttMs / 2
    await wait(clock, halfMs)
    if (link.phase !== 'up') return false
    await node.receive(message)
    await wait(clock, halfMs)
    return link.phase === 'up'
  }

  #isKnown({ operation, object }: Message): boolean {
    const sync = this.#syncs.get(object.metadata.uid ?? '')
    if (operation === 'delete') return sync === undefined
    return sync !== undefined && sync.version >= versionOf(object)
  }

  #acknowledge({ operation, object, isKindless }: Message): void {
    const { uid = '' } = object.metadata
    this.#parts.counters.deliveries++
    if (operation !== 'delete') this.#syncs.acknowledge(uid, object)
    else if (isKindless) this.#syncs.orphan(uid)
    else this.#syncs.remove(uid)
  }

  #reconcile(): void {
    const queue = this.#queue
    if (queue === undefined || this.#parts.link.phase !== 'up') return
    for (const sync of this.#syncs.all()) {
      if (sync.isOrphan || queue.has(sync.uid)) continue
      const message = this.#missing(sync)
      if (message !== undefined) queue.push(sync.uid, message)
    }
  }

  /** What the node has to be told of an object it was told of before. */
  #missing(sync: ObjectSync): Message | undefined {
    const { faults, truth } = this.#parts
    const { resource } = sync
    const current = truth.current(sync)
    if (current?.metadata.uid === sync.uid) {
      if (versionOf(current) <= sync.version) return undefined
      return { operation: 'update', resource, object: current, isKindless: this.#losesKind(sync) }
    }
    const isReadable = !faults.lostDeletes || (faults.staleUidDeletes && current !== undefined)
    // The version of the deletion is not known any more; that of what came after is as near as can be.
    const { resourceVersion } = (current ?? sync.object).metadata
    const metadata = {
      ...sync.object.metadata,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    }
    return { operation: 'delete', resource, object: { ...sync.object, metadata }, isKindless: !isReadable }
  }

  #losesKind({ resource, object }: ObjectSync): boolean {
    const { faults, truth } = this.#parts
    const isSafe = object.metadata.namespace === undefined || PRE_REGISTERED.includes(resource.resource)
    return faults.kindlessResend && !isSafe && !truth.isInformed(resource)
  }
}
