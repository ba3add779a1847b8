import type { KindRegistry } from '../kind-registry.ts'
import { apiVersionOf, type Kind } from '../kinds.ts'
import {
  definitionsOf,
  type Json,
  type KindDefinition,
  objectPath,
  PATCH_TYPES,
  schemasOf,
  WRITE_PARAMETERS,
} from './openapi.ts'

const ROOT = '/openapi/v3'

/**
 * The index of OpenAPI documents, or the one of a group version; `undefined` for a path that is neither.
 *
 * @see https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
 */
export function openApiV3(path: string, kinds: KindRegistry): Json | undefined {
  if (path === ROOT)
    return {
      paths: Object.fromEntries(
        groupVersions(kinds).map((name) => [name, { serverRelativeURL: `${ROOT}/${name}` }]),
      ),
    }
  if (!path.startsWith(`${ROOT}/`)) return undefined
  const name = path.slice(ROOT.length + 1)
  const served = kinds.all().filter((kind) => groupVersionOf(kind) === name)
  return served.length === 0 ? undefined : documentOf(served, kinds)
}

function groupVersions(kinds: KindRegistry): readonly string[] {
  return [...new Set(kinds.all().map(groupVersionOf))]
}

function groupVersionOf(kind: Kind): string {
  return kind.group === '' ? `api/${kind.version}` : `apis/${apiVersionOf(kind)}`
}

function documentOf(served: readonly Kind[], kinds: KindRegistry): Json {
  const definitions = definitionsOf(served)
  const schemas = schemasOf(definitions, { kinds, pointer: '#/components/schemas/' })
  return {
    openapi: '3.0.0',
    info: { title: 'edgeway API double', version: 'v1' },
    paths: Object.fromEntries(
      definitions.map((definition) => [objectPath(definition.kind), pathItem(definition)]),
    ),
    components: { schemas: Object.fromEntries(schemas) },
  }
}

function pathItem({ kind, groupVersionKind }: KindDefinition): Json {
  const types = PATCH_TYPES.filter((type) => kind.model !== undefined || !type.includes('strategic'))
  const operation = {
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-group-version-kind': groupVersionKind,
    parameters: WRITE_PARAMETERS.map((name) => ({
      name,
      in: 'query',
      schema: { type: 'string', uniqueItems: true },
    })),
  }
  return {
    put: { ...operation, 'x-kubernetes-action': 'put' },
    patch: {
      ...operation,
      'x-kubernetes-action': 'patch',
      requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema: {} }])) },
    },
  }
}
