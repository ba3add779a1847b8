import type { WatchEvent } from '../../api-double/api-object.ts'
import { runControllers } from '../../api-double/controllers/controllers.ts'
import { ApiDouble } from '../../api-double/http/api-double.ts'
import { ManifestError, parseManifests } from '../../api-double/manifests.ts'
import { ObjectStore } from '../../api-double/object-store.ts'
import type { Resource } from '../resource.ts'
import type { Cloud, CloudAnswer, CloudRequest, Informer, ObjectName } from './cloud.ts'
import { sendRequest } from './http-request.ts'

/** A store in this process, with an API server on loopback before it. */
export class StoreCloud implements Cloud {
  readonly #store: ObjectStore
  readonly #server: ApiDouble
  readonly #following = new DisposableStack()

  private constructor(store: ObjectStore, server: ApiDouble) {
    this.#store = store
    this.#server = server
  }

  /** @param given - outlives the cloud; without, it has a store of its own, with controllers */
  static async start(given?: ObjectStore): Promise<StoreCloud> {
    const store = given ?? new ObjectStore()
    const cloud = new StoreCloud(store, await ApiDouble.start(store))
    if (given === undefined) cloud.#following.use(runControllers(store))
    return cloud
  }

  get url(): string {
    return this.#server.url
  }

  async request(request: CloudRequest): Promise<CloudAnswer> {
    return await sendRequest(this.url, request)
  }

  async inform(
    { group, version, resource }: Resource,
    onEvent: (event: WatchEvent) => void,
  ): Promise<Informer | undefined> {
    const kind = this.#store.kinds.at(group, version, resource)
    if (kind === undefined) return undefined
    const collection = { kind, namespace: undefined }
    const since = Number(this.#store.list(collection).resourceVersion)
    this.#following.use(this.#store.watch(collection, since, { onEvent, onExpired: () => undefined }))
    return {
      find: (namespace, name) => this.#store.find({ kind, namespace, name }),
      all: () => this.#store.list(collection).items,
    }
  }

  async apply(manifests: string): Promise<void> {
    for (const { ref, object } of parseManifests(manifests, this.#store.kinds)) {
      if (this.#store.find(ref) === undefined) this.#store.create(ref, object)
      else this.#store.replace(ref, object)
    }
  }

  async delete({ apiVersion, kind: kindName, namespace, name }: ObjectName): Promise<void> {
    const kind = this.#store.kinds.find(apiVersion, kindName)
    if (kind === undefined) throw new ManifestError(`kind not served: ${apiVersion} ${kindName}`)
    this.#store.delete({ kind, namespace: kind.namespaced ? (namespace ?? 'default') : undefined, name })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following.dispose()
    await this.#server[Symbol.asyncDispose]()
  }
}
