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
  if (directive !== undefined && directive !== 'merge')
    throw new StatusError('BadRequest', `unknown ${DIRECTIVE} directive: ${String(directive)}`)

  const merged = mergeFields(retained(target, patch), patch, schema)
  for (const [field, values] of directed(patch, DELETE_FROM))
    merged[field] = listOf(merged[field]).filter((item) => !includes(values, item))
  for (const [field, order] of directed(patch, ELEMENT_ORDER)) {
    const list = merged[field]
    const key = fieldSchema(schema, field)['x-kubernetes-patch-merge-key']
    if (Array.isArray(list)) merged[field] = inPatchOrder(list, order, { key, before: listOf(target[field]) })
  }
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
  if (key === undefined) return [...list, ...patch.filter((item) => !includes(list, item))]
  return mergeByKey(list, patch, { key, items: resolveSchema(schema.items ?? ANY_SCHEMA) })
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
  const replacesAll = patch.some((item) => isLoneDirective(item) && item[DIRECTIVE] === 'replace')
  const items = patch.filter((item) => !isLoneDirective(item))
  if (replacesAll) return items.map(plain)
  return items.reduce<readonly unknown[]>((merged, item) => mergeItem(merged, item, keyed), target)
}

/** `{"$patch": "replace"}` as an item of its own is about the list. */
function isLoneDirective(item: unknown): item is Fields {
  return isRecord(item) && item[DIRECTIVE] !== undefined && Object.keys(item).length === 1
}

function mergeItem(list: readonly unknown[], item: unknown, { key, items }: KeyedItems): readonly unknown[] {
  if (!isRecord(item) || item[key] === undefined)
    throw new StatusError(
      'BadRequest',
      `map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`,
    )
  const index = list.findIndex((known) => isRecord(known) && isDeepStrictEqual(known[key], item[key]))
  if (item[DIRECTIVE] === 'delete') return list.filter((_known, place) => place !== index)
  const known = list[index]
  const value = applyStrategicMergePatch(isRecord(known) ? known : {}, item, items)
  return index < 0 ? [...list, value] : list.with(index, value)
}

/** With `$retainKeys`, fields that are not named go: one of a union makes way for another. */
function retained(target: Fields, patch: Fields): Fields {
  const keys = patch[RETAIN_KEYS]
  if (!Array.isArray(keys)) return target
  return Object.fromEntries(Object.entries(target).filter(([field]) => keys.includes(field)))
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

function includes(list: readonly unknown[], item: unknown): boolean {
  return list.some((known) => isDeepStrictEqual(known, item))
}
