import { randomUUID } from 'node:crypto'
import type { ApiObject, Collection, ObjectList } from '../api-object.ts'
import { StatusError } from '../status-error.ts'

/** Lists that are being paged through; more, and the oldest is forgotten. */
const MAX_LISTS = 100
/** As etcd's compaction interval. */
const MAX_AGE_MS = 5 * 60_000

export interface ListPage extends ObjectList {
  /** For the next page; `undefined` on the last one. */
  readonly continueToken: string | undefined
  readonly remaining: number
}

/** Which page is wanted. */
interface PageRequest {
  readonly target: Collection
  /** `undefined`: everything there is left. */
  readonly limit: number | undefined
}

interface OpenList {
  readonly list: ObjectList
  readonly target: Collection
  readonly expiresAt: number
}

/** Cuts lists into pages. All pages of a list are of the state in which it began. */
export class ListPages {
  readonly #open = new Map<string, OpenList>()

  first(list: ObjectList, request: PageRequest): ListPage {
    return this.#page({ id: randomUUID(), start: 0 }, list, request)
  }

  /**
   * @throws {StatusError} `Expired` for a token that is not known any more, `BadRequest` for one that never was or is of
   * another collection
   */
  next(token: string, request: PageRequest): ListPage {
    const place = decode(token)
    const open = this.#open.get(place.id)
    if (open !== undefined && !isSame(open.target, request.target)) throw notValid()
    if (open !== undefined && open.expiresAt >= performance.now())
      return this.#page(place, open.list, request)
    throw new StatusError(
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    )
  }

  #page({ id, start }: Place, list: ObjectList, { target, limit = 0 }: PageRequest): ListPage {
    const end = limit === 0 ? list.items.length : start + limit
    const items: readonly ApiObject[] = list.items.slice(start, end)
    const remaining = Math.max(0, list.items.length - end)
    if (remaining === 0) {
      return { ...list, items, continueToken: undefined, remaining }
    }
    this.#remember(id, { list, target, expiresAt: performance.now() + MAX_AGE_MS })
    return { ...list, items, continueToken: encode({ id, start: end }), remaining }
  }

  #remember(id: string, list: OpenList): void {
    if (this.#open.has(id)) return
    this.#open.set(id, list)
    const [oldest] = this.#open.keys()
    if (this.#open.size > MAX_LISTS && oldest !== undefined) this.#open.delete(oldest)
  }
}

function isSame(one: Collection, other: Collection): boolean {
  return one.kind === other.kind && one.namespace === other.namespace
}

function notValid(): StatusError {
  return new StatusError('BadRequest', 'continue key is not valid')
}

interface Place {
  readonly id: string
  readonly start: number
}

function encode({ id, start }: Place): string {
  return Buffer.from(`${id} ${start}`).toString('base64url')
}

function decode(token: string): Place {
  const [, id, start] = /^([0-9a-f-]{36}) (\d+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (id === undefined) throw notValid()
  return { id, start: Number(start) }
}
