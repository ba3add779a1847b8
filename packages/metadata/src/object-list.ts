import { SourceError } from './errors.ts'
import { parseJson } from './kubernetes/json-lines.ts'

/**
 * What a LIST is worth. `authoritative`: the cluster's own, complete. `local`: what an edge node had stored.
 * `void`: an edge node that has nothing stored.
 */
export type ListClass = 'authoritative' | 'local' | 'void'

export interface ObjectList {
  readonly listClass: ListClass
  readonly revision: number
  readonly items: readonly unknown[]
}

/** Far above the list of any cluster that the mesh is for; MetaServer's own limit is 32 MiB. */
const MAX_LIST_BYTES = 256 * 1_024 * 1_024
/** Prefixes of a real `metadata.selfLink`; MetaServer puts its own key there when it answers from its store. */
const API_PREFIXES = ['/api/', '/apis/']

/** @throws {SourceError} when the answer is no list, or too long */
export async function readList(chunks: AsyncIterable<Buffer>): Promise<ObjectList> {
  const read: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > MAX_LIST_BYTES) throw new SourceError(`a list of more than ${MAX_LIST_BYTES} bytes`)
    read.push(chunk)
  }
  return parseList(parseJson(Buffer.concat(read).toString('utf8')))
}

interface ListMeta {
  readonly resourceVersion?: unknown
  readonly selfLink?: unknown
}

function parseList(value: unknown): ObjectList {
  const { metadata, items } = (value ?? {}) as { readonly metadata?: ListMeta; readonly items?: unknown }
  // Go writes an empty list as null, too.
  if (items !== null && !Array.isArray(items)) throw new SourceError('the answer is no list of objects')
  const { resourceVersion, selfLink } = metadata ?? {}
  if (typeof resourceVersion !== 'string' || !/^\d+$/.test(resourceVersion))
    return { listClass: 'void', revision: 0, items: [] }
  const isKey = typeof selfLink === 'string' && !API_PREFIXES.some((prefix) => selfLink.startsWith(prefix))
  return {
    listClass: isKey ? 'local' : 'authoritative',
    revision: Number(resourceVersion),
    items: items ?? [],
  }
}
