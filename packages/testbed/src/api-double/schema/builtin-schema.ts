/**
 * The structure of Kubernetes' own kinds, from the models of `@kubernetes/client-node`: names and types of all fields
 * from their type maps, what is required and what it means from their declarations.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { MERGES, RETAINING } from './merge-keys.ts'
import { ANY_SCHEMA, type Schema } from './schema.ts'

interface Attribute {
  readonly name: string
  readonly baseName: string
  readonly type: string
  readonly format: string
}

const require = createRequire(import.meta.url)
const MODELS = join(dirname(require.resolve('@kubernetes/client-node')), 'gen/models')

/** Types of the models that are no models. */
const PLAIN_TYPES: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  any: ANY_SCHEMA,
  Date: { type: 'string', format: 'date-time' },
  V1MicroTime: { type: 'string', format: 'date-time' },
  IntOrString: { 'x-kubernetes-int-or-string': true, format: 'int-or-string' },
}

/** Models are plain data of the library: what is derived from them never changes. */
const known = new Map<string, Schema>()

/** The schema of a model; its fields refer to other models by `ref`. */
export function builtinSchema(model: string): Schema {
  let schema = known.get(model)
  if (schema === undefined) {
    schema = deriveSchema(model)
    known.set(model, schema)
  }
  return schema
}

/** Follows `ref`. */
export function resolveSchema(schema: Schema): Schema {
  return schema.ref === undefined ? schema : builtinSchema(schema.ref)
}

function deriveSchema(model: string): Schema {
  const { attributes, description } = loadModel(model)
  const declarations = declarationsOf(model)
  const properties = attributes.map((attribute): [string, Schema] => [
    attribute.baseName,
    {
      ...schemaOfType(attribute),
      ...mergeOf(model, attribute.baseName),
      ...descriptionOf(declarations.get(attribute.name)?.description),
    },
  ])
  const required = attributes
    .filter(({ name }) => declarations.get(name)?.isRequired === true)
    .map(({ baseName }) => baseName)
  return {
    type: 'object',
    ...descriptionOf(description),
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
  }
}

function descriptionOf(description: string | undefined): Pick<Schema, 'description'> {
  return description === undefined ? {} : { description }
}

function mergeOf(model: string, field: string): Schema {
  const merge = MERGES[model]?.[field]
  if (RETAINING[model]?.has(field) === true) return { 'x-kubernetes-patch-strategy': 'retainKeys' }
  if (merge === undefined) return {}
  return {
    'x-kubernetes-patch-strategy': merge.strategy,
    ...(merge.key === undefined ? {} : { 'x-kubernetes-patch-merge-key': merge.key }),
  }
}

/** @param type - as in the type maps: `string`, `Array<V1ServicePort>`, `{ [key: string]: string; }` */
function schemaOfType({ type, format }: Pick<Attribute, 'type' | 'format'>): Schema {
  const [, item] = /^(?:Array|Set)<(.*)>$/.exec(type) ?? []
  if (item !== undefined) return { type: 'array', items: schemaOfType({ type: item, format }) }
  const [, value] = /^\{ \[key: string\]: (.*); \}$/.exec(type) ?? []
  if (value !== undefined)
    return { type: 'object', additionalProperties: schemaOfType({ type: value, format }) }
  return type === 'number' ? numberSchema(format) : (plainSchema(type, format) ?? { ref: type })
}

function numberSchema(format: string): Schema {
  return format === 'double' ? { type: 'number', format } : { type: 'integer', format: format || 'int32' }
}

function plainSchema(type: string, format: string): Schema | undefined {
  const plain = PLAIN_TYPES[type]
  return type === 'string' && format !== '' && format !== 'date-time' ? { ...plain, format } : plain
}

function loadModel(model: string): {
  readonly attributes: readonly Attribute[]
  readonly description: string | undefined
} {
  const exported = require(join(MODELS, `${model}.js`)) as Record<
    string,
    { readonly attributeTypeMap: readonly Attribute[] }
  >
  const source = readFileSync(join(MODELS, `${model}.d.ts`), 'utf8')
  const [, comment] = /\/\*\*\n((?:\*.*\n)+)\*\/\nexport declare class/.exec(source) ?? []
  return { attributes: exported[model]?.attributeTypeMap ?? [], description: textOf(comment) }
}

interface Declaration {
  readonly isRequired: boolean
  readonly description: string | undefined
}

/** Reads `'port': number` and `'name'?: string` with the comments before them. */
function declarationsOf(model: string): ReadonlyMap<string, Declaration> {
  const source = readFileSync(join(MODELS, `${model}.d.ts`), 'utf8')
  const found = source.matchAll(/(?:\/\*\*\n((?:\s*\*.*\n)*?)\s*\*\/\n)?\s*'(\w+)'(\??):/g)
  return new Map(
    [...found].map(([, comment, name = '', optional]) => [
      name,
      { isRequired: optional === '', description: textOf(comment) },
    ]),
  )
}

function textOf(comment: string | undefined): string | undefined {
  return comment
    ?.replaceAll(/^\s*\* ?/gm, '')
    .replaceAll("\\'", "'")
    .replaceAll('\\"', '"')
    .trim()
}
