import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  type ApiObject,
  type Collection,
  type ObjectList,
  type ObjectRef,
  objectKey,
  type WatchEvent,
  type Watcher,
} from './api-object.ts'
import type { ApiBackend, DeleteOptions, WriteOptions } from './backend.ts'
import { Dependents } from './dependents.ts'
import { KindLog } from './kind-log.ts'
import { isCustom, KindRegistry, storageKey } from './kind-registry.ts'
import { apiVersionOf, type Kind, resourceName } from './kinds.ts'
import {
  complete,
  finalizersOf,
  identityOf,
  newIdentity,
  nextIdentity,
  now,
  versionOf,
} from './object-identity.ts'
import { Admission } from './rules/admission.ts'
import { StatusError } from './status-error.ts'

export interface ObjectStoreOptions {
  /** The resourceVersion before the first change. */
  readonly firstRevision: number
  /** How many changes of each kind can be replayed; watches from before are `Expired`. */
  readonly maxEvents: number
  /** Refuses and completes objects as kube-apiserver does; without, whatever has a name is stored as it came. */
  readonly admission: boolean
}

export const DEFAULT_OBJECT_STORE_OPTIONS: ObjectStoreOptions = {
  firstRevision: 0,
  maxEvents: 10_000,
  admission: true,
}

/** Called after each change, whatever it is of. */
export type ChangeListener = (kind: Kind, event: WatchEvent) => void

/** The state of a cluster in memory: objects, one resourceVersion for all kinds, uids and optimistic concurrency. */
export class ObjectStore implements ApiBackend {
  readonly kinds = new KindRegistry()
  readonly #options: ObjectStoreOptions
  readonly #admission: Admission
  /** By `storageKey`. */
  readonly #logs = new Map<string, KindLog>()
  readonly #dependents = new Dependents()
  readonly #listeners = new Set<ChangeListener>()
  #revision: number

  constructor(options: Partial<ObjectStoreOptions> = {}) {
    this.#options = { ...DEFAULT_OBJECT_STORE_OPTIONS, ...options }
    this.#revision = this.#options.firstRevision
    this.#admission = new Admission(this)
    if (this.#options.admission) this.#createFirstNamespaces()
  }

  get(ref: ObjectRef): ApiObject {
    const object = this.find(ref)
    if (object === undefined)
      throw new StatusError('NotFound', `${describe(ref)} not found`, { details: detailsOf(ref) })
    return object
  }

  /** As `get`, with `undefined` for what does not exist. */
  find(ref: ObjectRef): ApiObject | undefined {
    const object = this.#log(ref.kind).get(objectKey(ref))
    return object === undefined ? undefined : inVersionOf(ref.kind, object)
  }

  list({ kind, namespace }: Collection): ObjectList {
    const items = this.#log(kind)
      .list(namespace)
      .map((object) => inVersionOf(kind, object))
    return { resourceVersion: String(this.#revision), items }
  }

  watch(collection: Collection, since: number | undefined, watcher: Watcher): Disposable {
    const { kind } = collection
    const versioned: Watcher = {
      onEvent: (event) => watcher.onEvent({ ...event, object: inVersionOf(kind, event.object) }),
      onExpired: () => watcher.onExpired(),
    }
    return this.#log(kind).watch(collection, since, isCustom(kind) ? versioned : watcher)
  }

  /** Follows all kinds, from now on. */
  onChange(listener: ChangeListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  create(ref: ObjectRef, object: ApiObject, options: WriteOptions = {}): ApiObject {
    if (this.find(ref) !== undefined)
      throw new StatusError('AlreadyExists', `${describe(ref)} already exists`, { details: detailsOf(ref) })
    if ((object.metadata.resourceVersion ?? '') !== '')
      throw new StatusError('BadRequest', 'resourceVersion should not be set on objects to be created')
    const admitted = this.#admit(ref, { object, former: undefined }, options)
    const identity = newIdentity(ref.kind, randomUUID())
    return this.#write(ref, { object: admitted, identity }, options)
  }

  replace(ref: ObjectRef, object: ApiObject, options: WriteOptions = {}): ApiObject {
    const former = this.get(ref)
    refuseConflict(ref, object, former)
    const merged = mergeSubresource(ref.kind, { object, former }, options.subresource)
    const admitted = this.#admit(ref, { object: merged, former }, options)
    const identity = nextIdentity(ref.kind, former, admitted)
    if (
      isDeepStrictEqual(former, complete(ref, admitted, { ...identity, resourceVersion: versionOf(former) }))
    )
      return former
    const written = this.#write(ref, { object: admitted, identity }, options)
    const isReleased = former.metadata.deletionTimestamp !== undefined && finalizersOf(written).length === 0
    return isReleased ? this.#remove(ref, { ...options, propagationPolicy: 'Background' }) : written
  }

  delete(ref: ObjectRef, options: DeleteOptions = {}): ApiObject {
    const object = this.get(ref)
    const { uid, resourceVersion } = options.preconditions ?? {}
    for (const [field, wanted] of Object.entries({ uid, resourceVersion }))
      if (wanted !== undefined && wanted !== object.metadata[field])
        throw new StatusError(
          'Conflict',
          `Operation cannot be fulfilled on ${describe(ref)}: the ${field} in the precondition (${wanted}) does not match the ${field} in record (${String(object.metadata[field])})`,
          { details: detailsOf(ref) },
        )
    if (this.#options.admission) refuseLasting(ref)
    if (finalizersOf(object).length === 0) return this.#remove(ref, options)
    if (object.metadata.deletionTimestamp !== undefined) return object
    const identity = { ...identityOf(object), deletionTimestamp: now(), deletionGracePeriodSeconds: 0 }
    const leaving = ref.kind.kind === 'Namespace' ? { ...object, status: { phase: 'Terminating' } } : object
    return this.#write(ref, { object: leaving, identity }, options)
  }

  /** Counts a version that nothing here has, as each write elsewhere in a cluster does. */
  advance(): void {
    this.#revision += 1
  }

  /** Forgets the history: every watch from an older version is `Expired` from now on. */
  compact(): void {
    for (const log of this.#logs.values()) {
      log.advance(this.#revision)
      log.compact()
    }
  }

  #admit(
    ref: ObjectRef,
    change: { readonly object: ApiObject; readonly former: ApiObject | undefined },
    options: WriteOptions,
  ): ApiObject {
    return this.#options.admission ? this.#admission.admit(ref, change, options) : change.object
  }

  #remove(ref: ObjectRef, options: DeleteOptions): ApiObject {
    const object = this.get(ref)
    if (options.dryRun === true) return object
    const orphans = options.propagationPolicy === 'Orphan'
    this.#log(ref.kind).delete(objectKey(ref), ++this.#revision)
    this.#tell(ref.kind, { type: 'DELETED', object })
    if (!orphans) this.#removeDependents(object)
    return object
  }

  /** What has no owner any more goes with the last one, as the garbage collector would see to. */
  #removeDependents({ metadata: { uid = '' } }: ApiObject): void {
    for (const ref of this.#dependents.of(uid)) {
      const dependent = this.find(ref)
      if (dependent !== undefined && this.#dependents.isAbandoned(dependent)) this.delete(ref)
    }
  }

  #write(
    ref: ObjectRef,
    { object, identity }: { readonly object: ApiObject; readonly identity: Record<string, unknown> },
    { dryRun = false }: WriteOptions,
  ): ApiObject {
    if (dryRun) return complete(ref, object, { ...identity, resourceVersion: versionOf(object) })
    const revision = ++this.#revision
    const previous = this.find(ref)
    const written = complete(ref, object, { ...identity, resourceVersion: String(revision) })
    this.#log(ref.kind).set(written, revision)
    this.#tell(ref.kind, { type: previous === undefined ? 'ADDED' : 'MODIFIED', object: written, previous })
    return written
  }

  #tell(kind: Kind, event: WatchEvent): void {
    this.#dependents.note(kind, event)
    for (const listener of this.#listeners) listener(kind, event)
  }

  #createFirstNamespaces(): void {
    const kind = this.kinds.find('v1', 'Namespace')
    if (kind === undefined) return
    for (const name of [...LASTING_NAMESPACES, 'kube-node-lease'])
      this.create(
        { kind, namespace: undefined, name },
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      )
  }

  /** The log of a kind, up to the store's revision. */
  #log(kind: Kind): KindLog {
    const key = storageKey(kind)
    const known = this.#logs.get(key)
    const log = known ?? new KindLog(this.#options.firstRevision, this.#options.maxEvents)
    if (known === undefined) this.#logs.set(key, log)
    log.advance(this.#revision)
    return log
  }
}

/** Namespaces that every cluster has, and keeps. */
const LASTING_NAMESPACES: readonly string[] = ['default', 'kube-system', 'kube-public']

function refuseLasting({ kind, name }: ObjectRef): void {
  if (kind.kind !== 'Namespace' || !LASTING_NAMESPACES.includes(name)) return
  throw new StatusError('Forbidden', `namespaces "${name}" is forbidden: this namespace may not be deleted`)
}

/** Status and the rest are written apart, so that a controller and a user don't undo one another's work. */
function mergeSubresource(
  kind: Kind,
  { object, former }: { readonly object: ApiObject; readonly former: ApiObject },
  subresource: WriteOptions['subresource'],
): ApiObject {
  if (kind.hasStatus !== true) return object
  if (subresource === 'status') return { ...former, status: object['status'] }
  const { status: _ignored, ...rest } = object
  return (former['status'] === undefined ? rest : { ...rest, status: former['status'] }) as ApiObject
}

function refuseConflict(ref: ObjectRef, object: ApiObject, { metadata }: ApiObject): void {
  for (const field of ['uid', 'resourceVersion']) {
    const claimed = object.metadata[field]
    if (claimed === undefined || claimed === '' || claimed === metadata[field]) continue
    const why =
      field === 'uid'
        ? `Precondition failed: UID in precondition: ${String(claimed)}, UID in object meta: ${String(metadata.uid)}`
        : 'the object has been modified; please apply your changes to the latest version and try again'
    throw new StatusError('Conflict', `Operation cannot be fulfilled on ${describe(ref)}: ${why}`, {
      details: detailsOf(ref),
    })
  }
}

function inVersionOf(kind: Kind, object: ApiObject): ApiObject {
  const apiVersion = apiVersionOf(kind)
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion }
}

function detailsOf({ kind, name }: ObjectRef): { name: string; group?: string; kind: string } {
  return { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural }
}

function describe({ kind, name }: ObjectRef): string {
  return `${resourceName(kind)} "${name}"`
}
