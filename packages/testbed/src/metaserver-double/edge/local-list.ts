import type { ApiObject } from '../../api-double/api-object.ts'
import { parseLabelSelector, type Selector } from '../../api-double/selectors.ts'
import type { Faults } from '../faults/faults.ts'
import { localFieldSelector } from '../field-selector.ts'
import { apiVersionOf, guessKind, type Place, storeKey } from '../resource.ts'
import type { EdgeStore } from './edge-store.ts'

/** What the selectors of a request mean on the node; name and namespace are the place's. */
export function localSelector(query: URLSearchParams, faults: Readonly<Faults>): Selector {
  const byLabel = parseLabelSelector(query.get('labelSelector') ?? '')
  const byField = localFieldSelector(query.get('fieldSelector') ?? '', faults)
  return (object) => byLabel(object) && byField(object)
}

/** Lists as the node makes them from its rows. */
export class LocalLists {
  readonly #store: EdgeStore
  readonly #faults: Readonly<Faults>

  constructor(store: EdgeStore, faults: Readonly<Faults>) {
    this.#store = store
    this.#faults = faults
  }

  /** @param revision - the highest version that the node ever stored */
  list(place: Place, query: URLSearchParams, revision: number): object {
    const objects = this.#store.list(place).filter(localSelector(query, this.#faults))
    const list = { kind: `${this.#kind(place, objects)}List`, apiVersion: apiVersionOf(place) }
    if (objects.length === 0 && this.#faults.voidEmptyList) return { ...list, items: [] }
    const { items, continueToken } = this.#page(query, objects)
    const metadata = {
      ...(this.#faults.selfLinkInLocalList ? { selfLink: storeKey(place) } : {}),
      resourceVersion: String(revision),
      ...(continueToken === undefined ? {} : { continue: continueToken }),
    }
    return { ...list, metadata, items }
  }

  #kind({ resource }: Place, [first]: readonly ApiObject[]): string {
    return this.#faults.guessedListKind || first === undefined ? guessKind(resource) : first.kind
  }

  #page(query: URLSearchParams, objects: readonly ApiObject[]): Page {
    const limit = Number(query.get('limit') ?? 0)
    if (this.#faults.pagingIgnored || limit === 0) return { items: objects, continueToken: undefined }
    const start = Number(query.get('continue') ?? 0)
    const end = start + limit
    return {
      items: objects.slice(start, end),
      continueToken: end < objects.length ? String(end) : undefined,
    }
  }
}

interface Page {
  readonly items: readonly ApiObject[]
  /** Where the next page begins. */
  readonly continueToken: string | undefined
}
