import {
  type ApiObject,
  type Collection,
  isApiObject,
  isRecord,
  type ObjectList,
  type ObjectRef,
  type WatchEvent,
} from './api-object.ts'
import type { DeleteOptions, WriteOptions } from './backend.ts'
import { apiVersionOf, type Kind, type KindName, kindNamed } from './kinds.ts'
import { type PlacedObject, parseManifests, placeObject } from './manifests.ts'
import { StatusError } from './status-error.ts'

export interface WatchOptions {
  readonly since: string | undefined
  readonly timeoutSeconds: number
  readonly signal: AbortSignal
}

/**
 * A small client for API doubles: what kubectl would do in a test. Kinds are named as in manifests, objects
 * `namespace/name` or, where there is no namespace, `name`. Every failed answer is thrown as a StatusError.
 */
export class ApiDoubleClient {
  readonly #url: string

  /** @param url - base URL, without a slash at the end */
  constructor(url: string) {
    this.#url = url
  }

  /** Creates or replaces each object of the manifests: YAML text, or objects. */
  async apply(manifests: string | readonly unknown[]): Promise<ApiObject[]> {
    const placed =
      typeof manifests === 'string'
        ? parseManifests(manifests)
        : manifests.map((object) => placeObject(object))
    const applied: ApiObject[] = []
    for (const one of placed) applied.push(await this.#applyOne(one))
    return applied
  }

  async get(kind: KindName, name: string): Promise<ApiObject> {
    return objectIn(await this.#send('GET', objectPath(refOf(kind, name))))
  }

  async delete(kind: KindName, name: string): Promise<void> {
    await this.remove(refOf(kind, name))
  }

  async list(kind: KindName, namespace?: string): Promise<ObjectList> {
    return await this.listCollection({ kind: kindNamed(kind), namespace })
  }

  async listCollection(collection: Collection, signal?: AbortSignal): Promise<ObjectList> {
    const body = await readBody(await this.#fetch('GET', pathOf(collection), { signal: signal ?? null }))
    if (!isRecord(body) || !Array.isArray(body['items']))
      throw new Error(`not a list: ${JSON.stringify(body)}`)
    const { metadata, items } = body
    const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined
    return { resourceVersion: typeof version === 'string' ? version : undefined, items }
  }

  async create(ref: ObjectRef, object: ApiObject, options: WriteOptions = {}): Promise<ApiObject> {
    return objectIn(await this.#send('POST', pathOf(ref) + queryOf(options), object))
  }

  async replace(ref: ObjectRef, object: ApiObject, options: WriteOptions = {}): Promise<ApiObject> {
    const { subresource } = options
    const path = objectPath(ref) + (subresource === undefined ? '' : `/${subresource}`)
    return objectIn(await this.#send('PUT', path + queryOf(options), object))
  }

  async remove(ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { dryRun, ...body } = options
    await this.#send('DELETE', objectPath(ref) + queryOf({ dryRun: dryRun === true }), body)
  }

  /** The events of a collection until the server ends the watch; an ERROR event is thrown. */
  async *watch(
    collection: Collection,
    { since, timeoutSeconds, signal }: WatchOptions,
  ): AsyncGenerator<WatchEvent> {
    const query = new URLSearchParams({ watch: '1', timeoutSeconds: String(timeoutSeconds) })
    if (since !== undefined) query.set('resourceVersion', since)
    const response = await this.#fetch('GET', `${pathOf(collection)}?${query}`, { signal })
    if (!response.ok) throw await statusOf(response)

    for await (const line of linesOf(response)) {
      const event = JSON.parse(line) as WatchEvent | { type: 'ERROR'; object: StatusError['status'] }
      if (event.type === 'ERROR') throw new StatusError(event.object)
      yield event
    }
  }

  async #applyOne({ ref, object }: PlacedObject): Promise<ApiObject> {
    try {
      return await this.create(ref, object)
    } catch (error) {
      if (error instanceof StatusError && error.reason === 'AlreadyExists')
        return await this.replace(ref, object)
      throw error
    }
  }

  async #send(method: string, path: string, body?: unknown): Promise<unknown> {
    return await readBody(
      await this.#fetch(method, path, { body: body === undefined ? null : JSON.stringify(body) }),
    )
  }

  async #fetch(method: string, path: string, init: RequestInit): Promise<Response> {
    // A connection per request: one kept from before a restart of the server would only fail.
    return await fetch(`${this.#url}${path}`, { method, headers: { connection: 'close' }, ...init })
  }
}

function refOf(kindName: KindName, text: string): ObjectRef {
  const kind = kindNamed(kindName)
  const [first = '', second] = text.split('/')
  if (kind.namespaced !== (second !== undefined)) throw new Error(`not the name of a ${kindName}: ${text}`)
  return second === undefined
    ? { kind, namespace: undefined, name: first }
    : { kind, namespace: first, name: second }
}

function pathOf({ kind, namespace }: Collection): string {
  const inNamespace = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${rootOf(kind)}${inNamespace}/${kind.plural}`
}

function objectPath(ref: ObjectRef): string {
  return `${pathOf(ref)}/${encodeURIComponent(ref.name)}`
}

function queryOf({ dryRun = false, fieldValidation }: WriteOptions): string {
  const query = new URLSearchParams()
  if (dryRun) query.set('dryRun', 'All')
  if (fieldValidation !== undefined) query.set('fieldValidation', fieldValidation)
  return query.size === 0 ? '' : `?${query}`
}

function objectIn(answer: unknown): ApiObject {
  if (isApiObject(answer)) return answer
  throw new Error(`not an object: ${JSON.stringify(answer)}`)
}

function rootOf(kind: Kind): string {
  return kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`
}

async function readBody(response: Response): Promise<unknown> {
  if (!response.ok) throw await statusOf(response)
  return await response.json()
}

async function statusOf(response: Response): Promise<StatusError> {
  return new StatusError((await response.json()) as StatusError['status'])
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
