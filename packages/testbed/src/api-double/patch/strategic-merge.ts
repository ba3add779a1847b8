import { isDeepStrictEqual } from 'node:util'
import { isRecord } from '../api-object.ts'
import { resolveSchema } from '../schema/builtin-schema.ts'
import { ANY_SCHEMA, type Schema } from '../schema/schema.ts'
import { StatusError } from '../status-error.ts'
import { inPatchOrder } from './element-order.ts'

type Fields = Readonly<Record<string, unknown>>

const DIRECTIVE = '$patch'
const RETAIN_KEYS = '$retainKeys'
const DELETE_FROM = '$deleteFromPrimitiveList/'
const ELEMENT_ORDER = '$setElementOrder/'

/**
 * A strategic merge patch of Kubernetes: as a JSON merge patch, but lists that have a merge key in the schema are merged
 * item by item, and directives (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`) say what a
 * merge alone can't.
 *
 * @throws {StatusError} `BadRequest` for a directive that makes no sense, or an item without its merge key
 * @see https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export function applyStrategicMergePatch(target: Fields, patch: Fields, schema: Schema): Fields {
  const directive = patch[DIRECTIVE]
  if (directive === 'replace') return withoutDirectives(patch)
  if (directive === 'delete') return {}
  if (directive !== undefined)
    throw new StatusError('BadRequest', `unknown ${DIRECTIVE} directive: ${String(directive)}`)

  const merged = mergeFields(retained(target, patch), patch, schema)
  for (const [field, order] of directed(patch, ELEMENT_ORDER)) {
    const list = merged[field]
    const key = fieldSchema(schema, field)['x-kubernetes-patch-merge-key']
    refuseOtherOrder(listOf(patch[field]), order, key)
    if (Array.isArray(list)) merged[field] = inPatchOrder(list, order, { key, before: listOf(target[field]) })
  }
  for (const [field, values] of directed(patch, DELETE_FROM))
    if (Array.isArray(merged[field]))
      merged[field] = merged[field].filter((item) => placeOf(values, item) < 0)
  return merged
}

function mergeFields(target: Fields, patch: Fields, schema: Schema): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...target }
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$')) continue
    if (value === null) delete merged[field]
    else merged[field] = mergeValue(merged[field], value, fieldSchema(schema, field))
  }
  return merged
}

function mergeValue(target: unknown, patch: unknown, schema: Schema): unknown {
  if (isRecord(patch)) return applyStrategicMergePatch(isRecord(target) ? target : {}, patch, schema)
  if (!Array.isArray(patch)) return patch
  if (schema['x-kubernetes-patch-strategy']?.includes('merge') !== true) return patch.map(plain)
  const key = schema['x-kubernetes-patch-merge-key']
  const list = listOf(target)
  if (key !== undefined)
    return mergeByKey(list, patch, { key, items: resolveSchema(schema.items ?? ANY_SCHEMA) })
  const union = [...list, ...patch].filter((item, place, all) => placeOf(all, item) === place)
  return inPatchOrder(union, patch, { key, before: list })
}

interface KeyedItems {
  readonly key: string
  readonly items: Schema
}

function mergeByKey(
  target: readonly unknown[],
  patch: readonly unknown[],
  keyed: KeyedItems,
): readonly unknown[] {
  const directives = patch.filter(isDirective)
  const items = patch.filter((item) => !isDirective(item))
  const left = directives.reduce(
    (list: readonly unknown[], item) => withoutItem(list, item, keyed.key),
    target,
  )
  if (directives.some((item) => item[DIRECTIVE] === 'replace')) return items.map(plain)
  const merged = items.reduce((list: readonly unknown[], item) => mergeItem(list, item, keyed), left)
  return inPatchOrder(merged, items, { key: keyed.key, before: left })
}

/** `$patch` in an item: `delete` is about the items of its key, `replace` about the whole list. */
function isDirective(item: unknown): item is Fields {
  return isRecord(item) && item[DIRECTIVE] !== undefined
}

function withoutItem(list: readonly unknown[], directive: Fields, key: string): readonly unknown[] {
  const what = directive[DIRECTIVE]
  if (what === 'replace') return list
  if (what !== 'delete')
    throw new StatusError('BadRequest', `unknown ${DIRECTIVE} directive: ${String(what)}`)
  refuseKeyless(directive, key)
  return list.filter((known) => !isRecord(known) || !isDeepStrictEqual(known[key], directive[key]))
}

function mergeItem(list: readonly unknown[], item: unknown, { key, items }: KeyedItems): readonly unknown[] {
  refuseKeyless(item, key)
  const index = list.findIndex((known) => isRecord(known) && isDeepStrictEqual(known[key], item[key]))
  const known = list[index]
  const value = applyStrategicMergePatch(isRecord(known) ? known : {}, item, items)
  return index < 0 ? [...list, value] : list.with(index, value)
}

function refuseKeyless(item: unknown, key: string): asserts item is Fields {
  if (isRecord(item) && item[key] !== undefined) return
  throw new StatusError(
    'BadRequest',
    `map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`,
  )
}

/** What a patch writes into a list is part of the order that it wants, and in that order. */
function refuseOtherOrder(
  items: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): void {
  if (order.length === 0) return
  const idOf = (item: unknown): unknown => (key !== undefined && isRecord(item) ? item[key] : item)
  const rest = order.map(idOf)
  for (const item of items.filter((one) => !isDirective(one))) {
    const place = placeOf(rest, idOf(item))
    if (place < 0)
      throw new StatusError('BadRequest', `the order in the patch list does not match ${ELEMENT_ORDER}…`)
    rest.splice(0, place + 1)
  }
}

/**
 * With `$retainKeys`, fields that are not named go: one of a union makes way for another.
 *
 * @throws {StatusError} `BadRequest` when the patch writes a field that it does not retain
 */
function retained(target: Fields, patch: Fields): Fields {
  const keys = patch[RETAIN_KEYS]
  if (keys === undefined) return target
  const isNamed = (field: string): boolean => Array.isArray(keys) && keys.includes(field)
  const written = Object.keys(patch).filter((field) => !field.startsWith('$') && patch[field] !== null)
  if (!Array.isArray(keys) || !written.every(isNamed))
    throw new StatusError('BadRequest', `invalid patch format of ${RETAIN_KEYS}`)
  return Object.fromEntries(Object.entries(target).filter(([field]) => isNamed(field)))
}

function directed(patch: Fields, prefix: string): [field: string, values: readonly unknown[]][] {
  return Object.entries(patch)
    .filter(([field]) => field.startsWith(prefix))
    .map(([field, values]) => [field.slice(prefix.length), listOf(values)])
}

/** What is new is taken without the directives in it. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  return isRecord(value) ? withoutDirectives(value) : value
}

function withoutDirectives(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([field]) => !field.startsWith('$'))
      .map(([field, value]) => [field, plain(value)]),
  )
}

function fieldSchema(schema: Schema, field: string): Schema {
  const resolved = resolveSchema(schema)
  const found = resolved.properties?.[field] ?? additional(resolved)
  // The strategy stands beside the reference, the structure behind it.
  return found.ref === undefined ? found : { ...resolveSchema(found), ...found }
}

function additional({ additionalProperties }: Schema): Schema {
  return typeof additionalProperties === 'object' ? additionalProperties : ANY_SCHEMA
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function placeOf(list: readonly unknown[], item: unknown): number {
  return list.findIndex((known) => isDeepStrictEqual(known, item))
}
