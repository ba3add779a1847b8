import { isDeepStrictEqual } from 'node:util'
import { isRecord } from '../api-object.ts'

/** What a merged list is ordered by. */
export interface OrderContext {
  /** Names the items; `undefined` for plain values. */
  readonly key: string | undefined
  /** The list before the patch. */
  readonly before: readonly unknown[]
}

/**
 * A merged list in the order that the patch names: by `$setElementOrder`, or by its own items. Items that it does not
 * name, other writers' own, stay before whatever came after them so far; new ones come before them.
 *
 * @param order - of plain values, or of records that hold the merge key
 */
export function inPatchOrder(
  list: readonly unknown[],
  order: readonly unknown[],
  context: OrderContext,
): unknown[] {
  const idOf = (item: unknown): unknown =>
    context.key !== undefined && isRecord(item) ? item[context.key] : item
  const placeIn = (items: readonly unknown[], item: unknown): number =>
    items.findIndex((other) => isDeepStrictEqual(idOf(other), idOf(item)))
  // More than one item may have the same key, such as a Service's port for TCP and for UDP.
  const distinct = order.filter((wanted, place) => placeIn(order, wanted) === place)
  const named = distinct.flatMap((wanted) =>
    list.filter((item) => isDeepStrictEqual(idOf(item), idOf(wanted))),
  )
  const others = list.filter((item) => placeIn(order, item) < 0)

  const ordered: unknown[] = []
  for (const item of named) {
    const place = placeIn(context.before, item)
    while (others.length > 0 && placeIn(context.before, others[0]) < place) ordered.push(others.shift())
    ordered.push(item)
  }
  return [...ordered, ...others]
}
