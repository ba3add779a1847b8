import { SourceError } from '../errors.ts'
import { parseJson } from '../kubernetes/json-lines.ts'
import type { Source } from '../source/source.ts'

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

interface ListPage extends ObjectList {
  /** What to ask for the next page with; empty after the last one. */
  readonly continueToken: string
}

/** Far above the list of any cluster that the mesh is for; MetaServer's own limit is 32 MiB. */
const MAX_LIST_BYTES = 256 * 1_024 * 1_024
/** Prefixes of a real `metadata.selfLink`; MetaServer puts its own key there when it answers from its store. */
const API_PREFIXES = ['/api/', '/apis/']
/** The history that the next pages are of is forgotten. */
const GONE = 410

/** Selects nothing: no object has such a name. */
const NOTHING = 'fieldSelector=metadata.name%3D-'

/** Whether the cluster itself would list that collection at this moment; costs next to nothing. */
export async function isListable(source: Source, path: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await getPage(source, `${path}?${NOTHING}`, signal)).listClass === 'authoritative'
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    return false
  }
}

/**
 * Lists a whole collection, in pages where the source has them.
 *
 * @throws {SourceError} when it is not to be had
 */
export async function listAll(source: Source, path: string, signal: AbortSignal): Promise<ObjectList> {
  const { pageSize } = source
  if (pageSize === undefined) return await getPage(source, path, signal)
  try {
    return await listPages(source, `${path}?limit=${pageSize}`, signal)
  } catch (error) {
    if (!(error instanceof SourceError && error.status === GONE)) throw error
    return await getPage(source, path, signal)
  }
}

async function listPages(source: Source, path: string, signal: AbortSignal): Promise<ObjectList> {
  const first = await getPage(source, path, signal)
  const items = [...first.items]
  for (let { continueToken } = first; continueToken !== ''; ) {
    const next = await getPage(source, `${path}&continue=${encodeURIComponent(continueToken)}`, signal)
    items.push(...next.items)
    continueToken = next.continueToken
  }
  return { listClass: first.listClass, revision: first.revision, items }
}

async function getPage({ transport }: Source, path: string, signal: AbortSignal): Promise<ListPage> {
  return await readPage(await transport.get(path, signal))
}

async function readPage(chunks: AsyncIterable<Buffer>): Promise<ListPage> {
  const read: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > MAX_LIST_BYTES) throw new SourceError(`a list of more than ${MAX_LIST_BYTES} bytes`)
    read.push(chunk)
  }
  return parsePage(parseJson(Buffer.concat(read).toString('utf8')))
}

interface ListMeta {
  readonly resourceVersion?: unknown
  readonly selfLink?: unknown
  readonly continue?: unknown
}

function parsePage(value: unknown): ListPage {
  const { metadata, items } = (value ?? {}) as { readonly metadata?: ListMeta; readonly items?: unknown }
  // Go writes an empty list as null, too.
  if (items !== null && !Array.isArray(items)) throw new SourceError('the answer is no list of objects')
  const { resourceVersion, selfLink, continue: continueToken } = metadata ?? {}
  if (typeof resourceVersion !== 'string' || !/^\d+$/.test(resourceVersion))
    return { listClass: 'void', revision: 0, items: [], continueToken: '' }
  const isKey = typeof selfLink === 'string' && !API_PREFIXES.some((prefix) => selfLink.startsWith(prefix))
  return {
    listClass: isKey ? 'local' : 'authoritative',
    revision: Number(resourceVersion),
    items: items ?? [],
    continueToken: typeof continueToken === 'string' ? continueToken : '',
  }
}
