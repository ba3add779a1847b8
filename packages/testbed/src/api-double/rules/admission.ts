import type { ApiObject, ObjectRef, WatchEvent } from '../api-object.ts'
import { isRecord } from '../api-object.ts'
import type { WriteOptions } from '../backend.ts'
import { isCustom, type KindRegistry } from '../kind-registry.ts'
import { apiVersionOf, type Kind, kindNamed } from '../kinds.ts'
import type { Schema } from '../schema/schema.ts'
import { checkSchema, prune, withDefaults } from '../schema/validate.ts'
import { type StatusCause, StatusError } from '../status-error.ts'
import { admitCustomResourceDefinition } from './custom-resource-definition.ts'
import { admitEndpointSlice } from './endpoint-slice.ts'
import { invalid } from './invalid.ts'
import { checkMetadata } from './names.ts'
import { admitNamespace } from './namespace.ts'
import type { AdmissionRule } from './rule.ts'
import { admitSecret } from './secret.ts'
import { serviceRule } from './service.ts'
import { ServiceAllocations } from './service-allocations.ts'
import { admitWorkload } from './workload.ts'

const RULES: Readonly<Record<string, AdmissionRule>> = {
  CustomResourceDefinition: admitCustomResourceDefinition,
  DaemonSet: admitWorkload,
  Deployment: admitWorkload,
  EndpointSlice: admitEndpointSlice,
  Namespace: admitNamespace,
  Secret: admitSecret,
}

/** Of custom resources too, whose schemas need not say so. */
const METADATA: Schema = { ref: 'V1ObjectMeta' }

/** What admission may ask of the store. */
export interface StoreView {
  readonly kinds: KindRegistry
  find(ref: ObjectRef): ApiObject | undefined
  /** Follows all kinds, from now on. */
  onChange(listener: (kind: Kind, event: WatchEvent) => void): Disposable
}

/** Decides whether an object may be as it is, and completes it, as kube-apiserver does before it stores one. */
export class Admission {
  readonly #store: StoreView
  readonly #rules: Readonly<Record<string, AdmissionRule>>

  /** Lives as long as the store. */
  constructor(store: StoreView) {
    this.#store = store
    const allocations = new ServiceAllocations()
    const service = kindNamed('Service')
    store.onChange((kind, event) => {
      if (kind === service) allocations.note(event)
    })
    this.#rules = { ...RULES, Service: serviceRule(allocations) }
  }

  /** @throws {StatusError} `BadRequest` for what does not fit the kind's structure, `Invalid` with all causes */
  admit(
    ref: ObjectRef,
    { object, former }: { readonly object: ApiObject; readonly former: ApiObject | undefined },
    options: WriteOptions,
  ): ApiObject {
    this.#refuseMissingNamespace(ref, former)
    const decoded = this.#decode(ref, object, options)
    const rule = isCustom(ref.kind) ? undefined : this.#rules[ref.kind.kind]
    const admitted = rule?.({ ref, object: decoded, former }) ?? {
      object: decoded,
      causes: [],
    }
    const causes = [...checkMetadata(ref, decoded.metadata), ...admitted.causes]
    if (causes.length > 0) throw invalid(ref, causes)
    return admitted.object
  }

  /** The object as its kind's structure has it, without what that does not know. */
  #decode(ref: ObjectRef, object: ApiObject, options: WriteOptions): ApiObject {
    const schema = this.#store.kinds.schemaOf(ref.kind)
    const { causes, unknown } = checkSchema(withoutMeta(object, isCustom(ref.kind)), schema)
    const mistyped = causes.filter(({ reason }) => reason === 'FieldValueTypeInvalid')
    if (!isCustom(ref.kind) && mistyped.length > 0) throw undecodable(ref, mistyped)
    refuseUnknown(ref, unknown, options)
    if (causes.length > 0) throw invalid(ref, causes)
    const pruned = prune(object, schema)
    const complete = isRecord(pruned)
      ? {
          ...pruned,
          apiVersion: object.apiVersion,
          kind: object.kind,
          metadata: prune(object.metadata, METADATA),
        }
      : object
    return (isCustom(ref.kind) ? withDefaults(complete, schema) : complete) as ApiObject
  }

  #refuseMissingNamespace({ kind, namespace }: ObjectRef, former: ApiObject | undefined): void {
    if (!kind.namespaced || namespace === undefined || former !== undefined) return
    const found = this.#store.find({ kind: kindNamed('Namespace'), namespace: undefined, name: namespace })
    if (found?.metadata.deletionTimestamp !== undefined)
      throw new StatusError(
        'Forbidden',
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      )
    if (found === undefined)
      throw new StatusError('NotFound', `namespaces "${namespace}" not found`, {
        details: { name: namespace, kind: 'namespaces' },
      })
  }
}

/** Custom resources' schemas say nothing of metadata, which is as everybody's. */
function withoutMeta(object: ApiObject, custom: boolean): Readonly<Record<string, unknown>> {
  if (!custom) return object
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = object
  return rest
}

function undecodable({ kind }: ObjectRef, causes: readonly StatusCause[]): StatusError {
  const why = causes.map(({ field, message }) => `${field}: ${message}`).join(', ')
  return new StatusError(
    'BadRequest',
    `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: json: ${why}`,
  )
}

function refuseUnknown({ kind }: ObjectRef, unknown: readonly string[], options: WriteOptions): void {
  if (unknown.length === 0) return
  const texts = unknown.map((path) => `unknown field "${path}"`)
  if (options.fieldValidation === 'Strict')
    throw new StatusError(
      'BadRequest',
      `${kind.kind} in version "${apiVersionOf(kind)}" cannot be handled as a ${kind.kind}: strict decoding error: ${texts.join(', ')}`,
    )
  if (options.fieldValidation === 'Warn') for (const text of texts) options.warn?.(text)
}
