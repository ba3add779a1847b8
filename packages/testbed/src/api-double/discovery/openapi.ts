import { isCustom, type KindRegistry } from '../kind-registry.ts'
import type { Kind } from '../kinds.ts'
import { builtinSchema } from '../schema/builtin-schema.ts'
import type { Schema } from '../schema/schema.ts'

/** Part of an OpenAPI document, as JSON. */
export type Json = Readonly<Record<string, unknown>>

export const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
] as const

/** Parameters of writes that clients look for before they use them. */
export const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'] as const

/** A kind with the name and the JSON of its schema. */
export interface KindDefinition {
  readonly kind: Kind
  readonly name: string
  readonly groupVersionKind: { readonly group: string; readonly version: string; readonly kind: string }
}

/** The kinds of a group version, or all of them. */
export function definitionsOf(kinds: readonly Kind[]): readonly KindDefinition[] {
  return kinds.map((kind) => ({
    kind,
    name: nameOf(kind),
    groupVersionKind: { group: kind.group, version: kind.version, kind: kind.kind },
  }))
}

/**
 * All schemas that some kinds need, by name.
 *
 * @param pointer - what stands before a name in `$ref`, e.g. `#/definitions/`
 */
export function schemasOf(
  definitions: readonly KindDefinition[],
  { kinds, pointer }: { readonly kinds: KindRegistry; readonly pointer: string },
): ReadonlyMap<string, Json> {
  const schemas = new Map<string, Json>()
  const names = new Map(definitions.map(({ kind, name }) => [kind.model ?? '', name]))
  for (const { kind, name, groupVersionKind } of definitions) {
    const schema = toJson(complete(kind, kinds.schemaOf(kind)))
    schemas.set(name, { ...schema, 'x-kubernetes-group-version-kind': [groupVersionKind] })
  }
  return schemas

  function toJson(schema: Schema): Json {
    const { ref, properties, items, additionalProperties, ...plain } = schema
    const nested = {
      ...(properties === undefined ? {} : { properties: mapValues(properties) }),
      ...(items === undefined ? {} : { items: toJson(items) }),
      ...(typeof additionalProperties === 'object'
        ? { additionalProperties: toJson(additionalProperties) }
        : {}),
    }
    if (ref === undefined) return { ...plain, ...nested }
    return { ...plain, $ref: pointer + referTo(ref) }
  }

  function mapValues(properties: Readonly<Record<string, Schema>>): Json {
    return Object.fromEntries(Object.entries(properties).map(([field, inner]) => [field, toJson(inner)]))
  }

  function referTo(model: string): string {
    const name = names.get(model) ?? `io.k8s.${model}`
    if (!schemas.has(name)) {
      // Before its content: models refer to each other in circles.
      schemas.set(name, {})
      schemas.set(name, toJson(builtinSchema(model)))
    }
    return name
  }
}

/** What every object has, which the schema of a custom resource need not say. */
function complete(kind: Kind, schema: Schema): Schema {
  if (!isCustom(kind)) return schema
  const common: Readonly<Record<string, Schema>> = {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { ref: 'V1ObjectMeta' },
  }
  return { ...schema, properties: { ...schema.properties, ...common } }
}

function nameOf({ group, version, kind }: Kind): string {
  const [first = 'core', ...rest] = group.split('.')
  const prefix =
    rest.length === 0 || group.endsWith('.k8s.io')
      ? `io.k8s.api.${first || 'core'}`
      : [...group.split('.').reverse()].join('.')
  return `${prefix}.${version}.${kind}`
}

/** The path of one object, where writes are described. */
export function objectPath({ group, version, plural, namespaced }: Kind): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}/{name}`
}
