import { ApiDoubleClient } from '../../api-double/api-double-client.ts'
import { type ApiObject, type Collection, objectKey, type WatchEvent } from '../../api-double/api-object.ts'
import { StatusError } from '../../api-double/status-error.ts'
import { collectionPath, guessKind, itemsOf, type Resource, versionOf } from '../resource.ts'
import type { Informer } from './cloud.ts'
import { sendRequest } from './http-request.ts'

/** A watch that died without a word is noticed by the heartbeat, not by its end. */
const WATCH_SECONDS = 300

/** A copy of one resource of an API server, kept up to date by LIST and WATCH. */
export class RemoteInformer implements Informer {
  readonly #url: string
  readonly #client: ApiDoubleClient
  readonly #resource: Resource
  readonly #collection: Collection
  readonly #onEvent: (event: WatchEvent) => void
  #objects = new Map<string, ApiObject>()
  #version = '0'

  constructor(url: string, resource: Resource, onEvent: (event: WatchEvent) => void) {
    this.#url = url
    this.#client = new ApiDoubleClient(url)
    this.#resource = resource
    const { group, version, resource: plural } = resource
    const kind = { group, version, plural, kind: guessKind(plural), namespaced: true }
    this.#collection = { kind, namespace: undefined }
    this.#onEvent = onEvent
  }

  find(namespace: string | undefined, name: string): ApiObject | undefined {
    return this.#objects.get(objectKey({ namespace, name }))
  }

  all(): readonly ApiObject[] {
    return [...this.#objects.values()]
  }

  /**
   * Becomes what the API server has now, and tells what is different.
   *
   * @param silent - tells nothing
   * @returns `false` when there is no such resource
   * @throws when the list can't be had
   */
  async list(signal: AbortSignal, silent?: 'silent'): Promise<boolean> {
    const path = collectionPath({ ...this.#resource, namespace: undefined, name: undefined })
    const answer = await sendRequest(this.#url, { method: 'GET', path }, signal)
    if (answer.code === 404) return false
    const body = JSON.parse(answer.text)
    if (answer.code !== 200) throw new StatusError(body)
    const former = this.#objects
    this.#objects = new Map(itemsOf(body).map((object) => [objectKey(object.metadata), object]))
    this.#version = body.metadata.resourceVersion
    if (silent === undefined) for (const event of differences(former, this.#objects)) this.#onEvent(event)
    return true
  }

  /** Goes on from the last list; never returns. */
  async watch(signal: AbortSignal): Promise<never> {
    for (;;) {
      try {
        await this.#watchOnce(signal)
      } catch (error) {
        if (!(error instanceof StatusError && error.reason === 'Expired')) throw error
        await this.list(signal)
      }
    }
  }

  async #watchOnce(signal: AbortSignal): Promise<void> {
    const options = { since: this.#version, timeoutSeconds: WATCH_SECONDS, signal }
    for await (const { type, object } of this.#client.watch(this.#collection, options)) {
      const key = objectKey(object.metadata)
      const previous = this.#objects.get(key)
      if (type === 'DELETED') this.#objects.delete(key)
      else this.#objects.set(key, object)
      this.#version = object.metadata.resourceVersion ?? this.#version
      this.#onEvent({ type, object, previous })
    }
  }
}

/** What a watch would have told, in the order of versions. */
function differences(
  former: ReadonlyMap<string, ApiObject>,
  current: ReadonlyMap<string, ApiObject>,
): readonly WatchEvent[] {
  const gone = [...former].flatMap(([key, object]): WatchEvent[] => {
    const isSame = current.get(key)?.metadata.uid === object.metadata.uid
    return isSame ? [] : [{ type: 'DELETED', object, previous: object }]
  })
  const changed = [...current].flatMap(([key, object]): WatchEvent[] => {
    const before = former.get(key)
    if (before === undefined || before.metadata.uid !== object.metadata.uid)
      return [{ type: 'ADDED', object }]
    return versionOf(before) === versionOf(object) ? [] : [{ type: 'MODIFIED', object, previous: before }]
  })
  return [...gone, ...changed.toSorted((one, other) => versionOf(one.object) - versionOf(other.object))]
}
