import { randomUUID } from 'node:crypto'
import type { ApiObject, ObjectList } from '../api-object.ts'
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

interface OpenList {
  readonly list: ObjectList
  readonly expiresAt: number
}

/** Cuts lists into pages. All pages of a list are of the state in which it began. */
export class ListPages {
  readonly #open = new Map<string, OpenList>()

  /** @param limit - `undefined`: everything */
  first(list: ObjectList, limit: number | undefined): ListPage {
    return this.#page({ id: randomUUID(), start: 0 }, list, limit)
  }

  /** @throws {StatusError} `Expired` for a token that is not known any more, `BadRequest` for one that never was */
  next(token: string, limit: number | undefined): ListPage {
    const place = decode(token)
    const open = this.#open.get(place.id)
    if (open !== undefined && open.expiresAt >= performance.now()) return this.#page(place, open.list, limit)
    throw new StatusError(
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    )
  }

  #page({ id, start }: Place, list: ObjectList, limit = 0): ListPage {
    const end = limit === 0 ? list.items.length : start + limit
    const items: readonly ApiObject[] = list.items.slice(start, end)
    const remaining = Math.max(0, list.items.length - end)
    if (remaining === 0) {
      return { ...list, items, continueToken: undefined, remaining }
    }
    this.#remember(id, list)
    return { ...list, items, continueToken: encode({ id, start: end }), remaining }
  }

  #remember(id: string, list: ObjectList): void {
    if (this.#open.has(id)) return
    this.#open.set(id, { list, expiresAt: performance.now() + MAX_AGE_MS })
    const [oldest] = this.#open.keys()
    if (this.#open.size > MAX_LISTS && oldest !== undefined) this.#open.delete(oldest)
  }
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
  if (id === undefined) throw new StatusError('BadRequest', 'continue key is not valid')
  return { id, start: Number(start) }
}
