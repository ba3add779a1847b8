import { isRecord } from '../api-object.ts'
import type { StatusCause } from '../status-error.ts'
import { boundsProblems } from './bounds.ts'
import { resolveSchema } from './builtin-schema.ts'
import type { Schema } from './schema.ts'

/** What is wrong with a value by its schema. */
export interface SchemaFindings {
  readonly causes: readonly StatusCause[]
  /** Paths of fields that the schema does not know. */
  readonly unknown: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>

const TYPE_OF: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isRecord,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
}

const NOTHING_FOUND: SchemaFindings = { causes: [], unknown: [] }

/** Checks a value's structure: types, required and unknown fields, bounds. `null` counts as absent. */
export function checkSchema(value: unknown, reference: Schema, path = ''): SchemaFindings {
  const schema = resolveSchema(reference)
  if (value === null && (reference.nullable === true || path !== '')) return NOTHING_FOUND
  const typeCause = checkType(value, schema, path)
  if (typeCause !== undefined) return { causes: [typeCause], unknown: [] }
  const bounds = boundsProblems(value, schema).map(
    ([reason, message]): StatusCause => ({ reason, message, field: path }),
  )
  const inner = Array.isArray(value)
    ? value.map((item, index) => checkItem(item, schema.items ?? {}, `${path}[${index}]`))
    : isRecord(value)
      ? checkFields(value, schema, path)
      : []
  return together([{ causes: bounds, unknown: [] }, ...inner])
}

/** In a list, `null` is an item of the wrong type. */
function checkItem(item: unknown, reference: Schema, path: string): SchemaFindings {
  const schema = resolveSchema(reference)
  if (item !== null || schema.nullable === true) return checkSchema(item, schema, path)
  const cause = checkType(item, schema, path)
  return { causes: cause === undefined ? [] : [cause], unknown: [] }
}

/** A copy without the fields that the schema does not know, and without those that are `null` and may not be. */
export function prune(value: unknown, reference: Schema): unknown {
  const schema = resolveSchema(reference)
  if (Array.isArray(value)) return value.map((item) => prune(item, schema.items ?? {}))
  if (!isRecord(value)) return value
  const kept = Object.entries(value).flatMap(([field, inner]): [string, unknown][] => {
    const known = schemaOfField(schema, field)
    if (known !== undefined) return inner === null && !mayBeNull(known) ? [] : [[field, prune(inner, known)]]
    return isOpen(schema) ? [[field, inner]] : []
  })
  return Object.fromEntries(kept)
}

/** A copy with the schema's defaults where fields are absent. */
export function withDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) return value.map((item) => withDefaults(item, schema.items ?? {}))
  if (!isRecord(value)) return value
  const filled: Record<string, unknown> = { ...value }
  for (const [field, inner] of Object.entries(schema.properties ?? {})) {
    filled[field] ??= structuredClone(inner.default)
    if (filled[field] === undefined) delete filled[field]
    else filled[field] = withDefaults(filled[field], inner)
  }
  return filled
}

function checkType(value: unknown, schema: Schema, path: string): StatusCause | undefined {
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true
  const fits = isIntOrString
    ? typeof value === 'string' || Number.isInteger(value)
    : schema.type === undefined || TYPE_OF[schema.type]?.(value) !== false
  if (fits) return undefined
  const expected = isIntOrString ? 'integer or string' : schema.type
  const found = JSON.stringify(nameOfType(value))
  return {
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: ${found}: must be of type ${expected}: ${found}`,
    field: path,
  }
}

function checkFields(fields: Fields, schema: Schema, path: string): SchemaFindings[] {
  const missing = (schema.required ?? [])
    .filter((field) => fields[field] === undefined || fields[field] === null)
    .map(
      (field): StatusCause => ({
        reason: 'FieldValueRequired',
        message: 'Required value',
        field: join(path, field),
      }),
    )
  const inner = Object.entries(fields).map(([field, value]): SchemaFindings => {
    const known = schemaOfField(schema, field)
    if (known !== undefined) return checkSchema(value, known, join(path, field))
    return isOpen(schema) ? NOTHING_FOUND : { causes: [], unknown: [join(path, field)] }
  })
  return [{ causes: missing, unknown: [] }, ...inner]
}

function schemaOfField({ properties, additionalProperties }: Schema, field: string): Schema | undefined {
  const own = properties !== undefined && Object.hasOwn(properties, field) ? properties[field] : undefined
  return own ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined)
}

function mayBeNull({ nullable, type, ref }: Schema): boolean {
  return nullable === true || (type === undefined && ref === undefined)
}

/** True where fields that the schema does not know may be. */
function isOpen(schema: Schema): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return true
  if (schema.additionalProperties !== undefined) return schema.additionalProperties === true
  return schema.properties === undefined
}

function together(findings: readonly SchemaFindings[]): SchemaFindings {
  return {
    causes: findings.flatMap(({ causes }) => causes),
    unknown: findings.flatMap(({ unknown }) => unknown),
  }
}

function nameOfType(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (value === null) return 'null'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`
}
