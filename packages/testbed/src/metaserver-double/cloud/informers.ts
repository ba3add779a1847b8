import type { WatchEvent } from '../../api-double/api-object.ts'
import { type Resource, resourceText } from '../resource.ts'
import type { Cloud, Informer } from './cloud.ts'

/** One informer per resource, started when it is first asked for. */
export class Informers {
  readonly #cloud: Cloud
  readonly #onEvent: (resource: Resource, event: WatchEvent) => void
  /** By `resourceText`. */
  readonly #starting = new Map<string, Promise<Informer | undefined>>()
  readonly #started = new Map<string, Informer>()

  constructor(cloud: Cloud, onEvent: (resource: Resource, event: WatchEvent) => void) {
    this.#cloud = cloud
    this.#onEvent = onEvent
  }

  /**
   * @returns `undefined` when there is no such resource; it is looked for again the next time
   * @throws when the cloud can't be reached
   */
  async of({ group, version, resource: plural }: Resource): Promise<Informer | undefined> {
    const resource = { group, version, resource: plural }
    const key = resourceText(resource)
    const known = this.#starting.get(key)
    if (known !== undefined) return await known
    const starting = this.#cloud.inform(resource, (event) => this.#onEvent(resource, event))
    this.#starting.set(key, starting)
    const informer = await starting.catch(() => undefined)
    if (informer === undefined) this.#starting.delete(key)
    else this.#started.set(key, informer)
    return await starting
  }

  /** The informer, if it was started. */
  started(resource: Resource): Informer | undefined {
    return this.#started.get(resourceText(resource))
  }
}
