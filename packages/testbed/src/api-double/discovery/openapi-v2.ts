import { stringify } from 'yaml'
import type { KindRegistry } from '../kind-registry.ts'
import {
  definitionsOf,
  type Json,
  type KindDefinition,
  objectPath,
  schemasOf,
  WRITE_PARAMETERS,
} from './openapi.ts'
import { booleanField, field } from './protobuf.ts'

/** Of the protobuf form. Its real name has an `@`, at which kubectl's parser of media types gives up. */
export const OPENAPI_V2_CONTENT_TYPE = 'application/octet-stream'

/** Numbers of fields in gnostic's messages (openapiv2/OpenAPIv2.proto). */
const DOCUMENT = { swagger: 1, info: 2, paths: 8, definitions: 9 } as const
const INFO = { title: 1, version: 2 } as const
const PATHS = { path: 2 } as const
const PATH_ITEM = { put: 3, patch: 8 } as const
const OPERATION = { parameters: 8, responses: 9, extension: 13 } as const
const NAMED = { name: 1, value: 2 } as const
const SCHEMA = {
  ref: 1,
  format: 2,
  description: 4,
  required: 19,
  additional: 21,
  type: 22,
  items: 23,
  properties: 25,
  extension: 31,
} as const
const QUERY_PARAMETER = { in: 2, name: 4, type: 6 } as const

const EXTENSION = /^x-/

/** The document as JSON, for people and for tools that can read it. */
export function openApiV2(kinds: KindRegistry): Json {
  const { definitions, schemas } = contentOf(kinds)
  const operation = ({ groupVersionKind }: KindDefinition): Json => ({
    parameters: WRITE_PARAMETERS.map((name) => ({ name, in: 'query', type: 'string' })),
    responses: {},
    'x-kubernetes-group-version-kind': groupVersionKind,
  })
  return {
    swagger: '2.0',
    info: { title: 'edgeway API double', version: 'v1' },
    paths: Object.fromEntries(
      definitions.map((definition) => [
        objectPath(definition.kind),
        { put: operation(definition), patch: operation(definition) },
      ]),
    ),
    definitions: Object.fromEntries(schemas),
  }
}

/** The same document as gnostic's protobuf message `openapi.v2.Document`. */
export function openApiV2Protobuf(kinds: KindRegistry): Buffer {
  const { definitions, schemas } = contentOf(kinds)
  const paths = definitions.map((definition) => {
    const operation = encodeOperation(definition)
    const item = Buffer.concat([field(PATH_ITEM.put, operation), field(PATH_ITEM.patch, operation)])
    return field(PATHS.path, named(objectPath(definition.kind), item))
  })
  return Buffer.concat([
    field(DOCUMENT.swagger, '2.0'),
    field(DOCUMENT.info, Buffer.concat([field(INFO.title, 'edgeway API double'), field(INFO.version, 'v1')])),
    field(DOCUMENT.paths, Buffer.concat(paths)),
    field(
      DOCUMENT.definitions,
      Buffer.concat([...schemas].map(([name, schema]) => field(1, named(name, encodeSchema(schema))))),
    ),
  ])
}

function contentOf(kinds: KindRegistry) {
  const definitions = definitionsOf(kinds.all())
  return { definitions, schemas: schemasOf(definitions, { kinds, pointer: '#/definitions/' }) }
}

function encodeOperation({ groupVersionKind }: KindDefinition): Buffer {
  const parameters = WRITE_PARAMETERS.map((name) => {
    const query = Buffer.concat([
      field(QUERY_PARAMETER.in, 'query'),
      field(QUERY_PARAMETER.name, name),
      field(QUERY_PARAMETER.type, 'string'),
    ])
    // ParametersItem.parameter > Parameter.nonBodyParameter > NonBodyParameter.queryParameterSubSchema
    return field(OPERATION.parameters, field(1, field(2, field(3, query))))
  })
  return Buffer.concat([
    ...parameters,
    field(OPERATION.responses, Buffer.alloc(0)),
    extension(OPERATION.extension, 'x-kubernetes-group-version-kind', groupVersionKind),
  ])
}

function encodeSchema(schema: Json): Buffer {
  const { $ref, type, format, description, required, properties, items, additionalProperties } = schema as {
    readonly [name in '$ref' | 'type' | 'format' | 'description']?: string
  } & {
    readonly required?: readonly string[]
    readonly properties?: Readonly<Record<string, Json>>
    readonly items?: Json
    readonly additionalProperties?: Json
  }
  const text = (number: number, value: string | undefined): Buffer[] =>
    value === undefined ? [] : [field(number, value)]
  const members = Object.entries(properties ?? {}).map(([name, inner]) =>
    field(1, named(name, encodeSchema(inner))),
  )
  const isFreeForm = additionalProperties === undefined && properties === undefined && type === 'object'
  return Buffer.concat([
    ...text(SCHEMA.ref, $ref),
    ...text(SCHEMA.format, format),
    ...text(SCHEMA.description, description),
    ...(required ?? []).map((name) => field(SCHEMA.required, name)),
    ...(additionalProperties === undefined
      ? []
      : [field(SCHEMA.additional, field(1, encodeSchema(additionalProperties)))]),
    ...(isFreeForm ? [field(SCHEMA.additional, booleanField(2, true))] : []),
    ...(type === undefined ? [] : [field(SCHEMA.type, field(1, type))]),
    ...(items === undefined ? [] : [field(SCHEMA.items, field(1, encodeSchema(items)))]),
    ...(members.length === 0 ? [] : [field(SCHEMA.properties, Buffer.concat(members))]),
    ...Object.entries(schema)
      .filter(([name]) => EXTENSION.test(name))
      .map(([name, value]) => extension(SCHEMA.extension, name, value)),
  ])
}

function named(name: string, value: Buffer): Buffer {
  return Buffer.concat([field(NAMED.name, name), field(NAMED.value, value)])
}

/** An `x-…` field: a NamedAny whose value is YAML. */
function extension(number: number, name: string, value: unknown): Buffer {
  return field(number, named(name, field(2, stringify(value))))
}
