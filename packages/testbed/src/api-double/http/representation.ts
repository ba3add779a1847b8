import type { ApiObject } from '../api-object.ts'
import type { Kind } from '../kinds.ts'
import { apiVersionOf } from '../kinds.ts'
import { tableOf } from '../table/table.ts'
import type { ListPage } from './list-pages.ts'

/** How a client wants objects: as they are, as rows for people, or only their metadata. */
export type RepresentationName = 'object' | 'table' | 'metadata'

/**
 * Turns objects into what the client's Accept header asks for.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
 */
export class Representation {
  readonly #name: RepresentationName
  readonly #kind: Kind
  #hasColumns = false

  constructor(accept: string | undefined, kind: Kind) {
    this.#name = nameIn(accept)
    this.#kind = kind
  }

  ofObject(object: ApiObject): unknown {
    if (this.#name === 'table')
      return tableOf(this.#kind, [object], { resourceVersion: object.metadata.resourceVersion })
    return this.#name === 'metadata' ? metadataOf(object) : object
  }

  /** As `ofObject`; the columns of a table are told once. */
  ofEvent(object: ApiObject): unknown {
    if (this.#name !== 'table') return this.ofObject(object)
    const table = tableOf(this.#kind, [object], { resourceVersion: object.metadata.resourceVersion })
    const event = this.#hasColumns ? { ...table, columnDefinitions: null } : table
    this.#hasColumns = true
    return event
  }

  ofPage({ resourceVersion, items, continueToken, remaining }: ListPage): unknown {
    const metadata =
      resourceVersion === undefined
        ? undefined
        : {
            resourceVersion,
            ...(continueToken === undefined
              ? {}
              : { continue: continueToken, remainingItemCount: remaining }),
          }
    if (this.#name === 'table') return tableOf(this.#kind, items, metadata ?? {})
    const isMetadata = this.#name === 'metadata'
    return {
      kind: isMetadata ? 'PartialObjectMetadataList' : `${this.#kind.kind}List`,
      apiVersion: isMetadata ? 'meta.k8s.io/v1' : apiVersionOf(this.#kind),
      ...(metadata === undefined ? {} : { metadata }),
      items: isMetadata ? items.map(metadataOf) : items,
    }
  }
}

function nameIn(accept = ''): RepresentationName {
  const [wanted = ''] = accept.split(',')
  if (/\bas=Table\b/.test(wanted)) return 'table'
  return /\bas=PartialObjectMetadata(List)?\b/.test(wanted) ? 'metadata' : 'object'
}

function metadataOf({ metadata }: ApiObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}
