import type { StoreBatch, StoredList, StoredObject } from './database.ts'

/** What is to be stored of an object, or that it is to be forgotten. */
export type StoreChange = StoredObject | Pick<StoredObject, 'kind' | 'key'>

/** A few megabytes: the worker's memory is limited, and the list of a large cluster is larger. */
const MAX_BATCH_LENGTH = 4 * 1_024 * 1_024

/**
 * Cuts changes into batches, in their order. Up to where they are complete is noted by the last one.
 *
 * @param maxLength - of the keys and values of a batch together; a single one may be longer
 */
export function batchesOf(
  changes: readonly StoreChange[],
  listed: readonly StoredList[],
  maxLength = MAX_BATCH_LENGTH,
): StoreBatch[] {
  const parts: StoreChange[][] = [[]]
  let length = 0
  for (const change of changes) {
    const added = change.key.length + ('value' in change ? change.value.length : 0)
    if (length > 0 && length + added > maxLength) {
      parts.push([])
      length = 0
    }
    parts.at(-1)?.push(change)
    length += added
  }
  return parts.map((part, index) => ({
    put: part.filter((change): change is StoredObject => 'value' in change),
    deleted: part.filter((change) => !('value' in change)),
    listed: index === parts.length - 1 ? listed : [],
  }))
}
