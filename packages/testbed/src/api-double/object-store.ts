import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  type ApiObject,
  type Collection,
  type ObjectList,
  type ObjectRef,
  objectKey,
  type Watcher,
} from './api-object.ts'
import type { ApiBackend } from './backend.ts'
import { KindLog } from './kind-log.ts'
import { apiVersionOf, type Kind } from './kinds.ts'
import { StatusError } from './status-error.ts'

export interface ObjectStoreOptions {
  /** The resourceVersion before the first change. */
  readonly firstRevision: number
  /** How many changes of each kind can be replayed; watches from before are `Expired`. */
  readonly maxEvents: number
}

export const DEFAULT_OBJECT_STORE_OPTIONS: ObjectStoreOptions = { firstRevision: 0, maxEvents: 10_000 }

/** The state of a cluster in memory: objects, one resourceVersion for all kinds, uids and optimistic concurrency. */
export class ObjectStore implements ApiBackend {
  readonly #options: ObjectStoreOptions
  readonly #logs = new Map<Kind, KindLog>()
  #revision: number

  constructor(options: Partial<ObjectStoreOptions> = {}) {
    this.#options = { ...DEFAULT_OBJECT_STORE_OPTIONS, ...options }
    this.#revision = this.#options.firstRevision
  }

  get(ref: ObjectRef): ApiObject {
    const object = this.#log(ref.kind).get(objectKey(ref))
    if (object === undefined) throw new StatusError('NotFound', `${describe(ref)} not found`)
    return object
  }

  list({ kind, namespace }: Collection): ObjectList {
    return { resourceVersion: String(this.#revision), items: this.#log(kind).list(namespace) }
  }

  watch(collection: Collection, since: number | undefined, watcher: Watcher): Disposable {
    return this.#log(collection.kind).watch(collection, since, watcher)
  }

  create(ref: ObjectRef, object: ApiObject): ApiObject {
    if (this.#log(ref.kind).get(objectKey(ref)) !== undefined) {
      throw new StatusError('AlreadyExists', `${describe(ref)} already exists`)
    }
    const creationTimestamp = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    return this.#write(ref, object, { uid: randomUUID(), creationTimestamp })
  }

  replace(ref: ObjectRef, object: ApiObject): ApiObject {
    const current = this.get(ref)
    const { uid, creationTimestamp, resourceVersion } = current.metadata
    for (const [field, known] of Object.entries({ uid, resourceVersion })) {
      const claimed = object.metadata[field]
      if (claimed !== undefined && claimed !== known) {
        throw new StatusError('Conflict', `${describe(ref)} was changed meanwhile: its ${field} is ${known}`)
      }
    }
    const identity = { uid, creationTimestamp, resourceVersion }
    if (isDeepStrictEqual(current, complete(ref, object, identity))) return current
    return this.#write(ref, object, { uid, creationTimestamp })
  }

  delete(ref: ObjectRef): ApiObject {
    const object = this.get(ref)
    this.#log(ref.kind).delete(objectKey(ref), ++this.#revision)
    return object
  }

  /** Forgets the history: every watch from an older version is `Expired` from now on. */
  compact(): void {
    for (const kind of this.#logs.keys()) this.#log(kind).compact()
  }

  #write(ref: ObjectRef, object: ApiObject, identity: Record<string, string | undefined>): ApiObject {
    const revision = ++this.#revision
    const written = complete(ref, object, { ...identity, resourceVersion: String(revision) })
    this.#log(ref.kind).set(written, revision)
    return written
  }

  /** The log of a kind, up to the store's revision. */
  #log(kind: Kind): KindLog {
    const known = this.#logs.get(kind)
    const log = known ?? new KindLog(this.#options.firstRevision, this.#options.maxEvents)
    if (known === undefined) this.#logs.set(kind, log)
    log.advance(this.#revision)
    return log
  }
}

/** The object as it is stored: type and identity are the server's, never the client's. */
function complete(
  ref: ObjectRef,
  object: ApiObject,
  identity: Record<string, string | undefined>,
): ApiObject {
  const { kind, namespace, name } = ref
  const placed = namespace === undefined ? { name } : { name, namespace }
  return {
    ...object,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { ...object.metadata, ...placed, ...identity },
  } as ApiObject
}

function describe({ kind, name }: ObjectRef): string {
  const type = kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`
  return `${type} "${name}"`
}
