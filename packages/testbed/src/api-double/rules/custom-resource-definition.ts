import { type ApiObject, isRecord } from '../api-object.ts'
import { definedKinds } from '../defined-kinds.ts'
import type { StatusCause } from '../status-error.ts'
import { invalidValue, required, unsupported } from './invalid.ts'
import type { AdmissionRequest, Admitted } from './rule.ts'

type Fields = Readonly<Record<string, unknown>>

/** Names and versions of a CustomResourceDefinition; its conditions say at once that it is served. */
export function admitCustomResourceDefinition({ ref, object, former }: AdmissionRequest): Admitted {
  const spec = recordOf(object['spec'])
  const names = acceptedNames(recordOf(spec['names']))
  const conversion = spec['conversion'] ?? { strategy: 'None' }
  const complete = { ...object, spec: { ...spec, names, conversion } }
  const since = former?.metadata.creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  return {
    object: { ...complete, status: statusOf(complete, { names, since }) },
    causes: [...checkNames(ref.name, spec), ...checkVersions(spec)],
  }
}

function acceptedNames(names: Fields): Fields {
  const kind = String(names['kind'])
  return {
    ...names,
    singular: names['singular'] ?? kind.toLowerCase(),
    listKind: names['listKind'] ?? `${kind}List`,
  }
}

function checkNames(name: string, spec: Fields): StatusCause[] {
  const expected = `${String(recordOf(spec['names'])['plural'])}.${String(spec['group'])}`
  const isScope = spec['scope'] === 'Namespaced' || spec['scope'] === 'Cluster'
  return [
    ...(name === expected
      ? []
      : [invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group')]),
    ...(isScope ? [] : [unsupported('spec.scope', spec['scope'], ['Cluster', 'Namespaced'])]),
  ]
}

function checkVersions(spec: Fields): StatusCause[] {
  const versions = Array.isArray(spec['versions']) ? spec['versions'].map(recordOf) : []
  const stored = versions.filter(({ storage }) => storage === true)
  const one = 'must have exactly one version marked as storage version'
  return [
    ...(stored.length === 1 ? [] : [invalidValue('spec.versions', versions.length, one)]),
    ...versions.flatMap(({ schema }, index) =>
      isRecord(schema)
        ? []
        : [required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required')],
    ),
  ]
}

function statusOf(
  definition: ApiObject,
  { names, since }: { readonly names: Fields; readonly since: string },
): Fields {
  const condition = (type: string, reason: string, message: string): Fields => ({
    type,
    status: 'True',
    lastTransitionTime: since,
    reason,
    message,
  })
  return {
    acceptedNames: names,
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    storedVersions: definedKinds(definition).map(({ version }) => version),
  }
}

function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}
