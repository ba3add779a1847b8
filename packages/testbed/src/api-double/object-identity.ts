import { isDeepStrictEqual } from 'node:util'
import { type ApiObject, isRecord, type ObjectRef } from './api-object.ts'
import { isCustom } from './kind-registry.ts'
import { apiVersionOf, type Kind, type KindName } from './kinds.ts'

/** Kinds of Kubernetes' own whose content is counted by `metadata.generation`, as all custom resources' is. */
const COUNTED: readonly KindName[] = [
  'CustomResourceDefinition',
  'DaemonSet',
  'Deployment',
  'EndpointSlice',
  'PriorityClass',
]

/** What the server gives a new object. */
export function newIdentity(kind: Kind, uid: string): Record<string, unknown> {
  const isCounted = isCustom(kind) || COUNTED.some((name) => name === kind.kind)
  return { uid, creationTimestamp: now(), ...(isCounted ? { generation: 1 } : {}) }
}

/** What it has after a write: its generation counts changes of its content, which its status is no part of. */
export function nextIdentity(kind: Kind, former: ApiObject, next: ApiObject): Record<string, unknown> {
  const identity = identityOf(former)
  const { generation } = former.metadata
  const isSame = generation === undefined || isDeepStrictEqual(contentOf(kind, former), contentOf(kind, next))
  return isSame ? identity : { ...identity, generation: generation + 1 }
}

function contentOf(kind: Kind, object: ApiObject): unknown {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, status, ...content } = object
  return kind.hasStatus === true ? content : { ...content, status }
}

/** What the server gives an object for its life. */
export function identityOf({ metadata }: ApiObject): Record<string, unknown> {
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds } = metadata
  const identity = { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds }
  return Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined))
}

/** The object as it is stored: type and identity are the server's, never the client's. */
export function complete(ref: ObjectRef, object: ApiObject, identity: Record<string, unknown>): ApiObject {
  const { kind, namespace, name } = ref
  const placed = namespace === undefined ? { name } : { name, namespace }
  const { generateName, managedFields: _unused, ...metadata } = object.metadata
  return {
    ...object,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      ...(generateName === undefined ? {} : { generateName }),
      ...metadata,
      ...placed,
      ...identity,
    },
  } as ApiObject
}

/** Who must agree before the object goes; of a Namespace also its `spec.finalizers`. */
export function finalizersOf({ metadata, spec }: ApiObject): readonly unknown[] {
  const own = isRecord(spec) && Array.isArray(spec['finalizers']) ? spec['finalizers'] : []
  return [...(metadata.finalizers ?? []), ...own]
}

export function versionOf({ metadata }: ApiObject): string | undefined {
  return metadata.resourceVersion
}

export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
