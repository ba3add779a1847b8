import type { StoreBatch, StoredObject } from '../../src/store/database.ts'

/** Objects of a kind; each batch writes some and deletes one. */
const OBJECTS = 60
const PER_BATCH = 20

/** The batch of that number: always the same. What it lists is complete with it. */
export function batch(index: number): StoreBatch {
  const put = Array.from({ length: PER_BATCH }, (_, offset) => object(index * PER_BATCH + offset))
  const deleted = { kind: 'services', key: keyOf(index * PER_BATCH + PER_BATCH) }
  return { put, deleted: [deleted], listed: [{ kind: 'services', revision: index }] }
}

function object(revision: number): StoredObject {
  return { kind: 'services', key: keyOf(revision), uid: `u${revision}`, revision, value: textOf(revision) }
}

function keyOf(revision: number): string {
  return `shop/web-${revision % OBJECTS}`
}

/** Of lengths that fill a page, or several, or little of one. */
function textOf(revision: number): string {
  return JSON.stringify({ revision, text: `${revision} `.repeat((revision * 37) % 900) })
}

/** What is stored after all batches up to that one, by key. */
export function contentAfter(
  index: number,
): Map<string, { readonly revision: number; readonly value: unknown }> {
  const content = new Map<string, { readonly revision: number; readonly value: unknown }>()
  // Earlier ones are written over.
  for (let each = Math.max(0, index - (OBJECTS / PER_BATCH) * 2); each <= index; each++) {
    const { put, deleted } = batch(each)
    for (const { key, revision, value } of put) content.set(key, { revision, value: JSON.parse(value) })
    for (const { key } of deleted) content.delete(key)
  }
  return content
}
