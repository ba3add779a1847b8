import type { ApiObject, Collection, ObjectList, ObjectRef } from '../api-object.ts'
import type { KindRegistry } from '../kind-registry.ts'
import type { StatusCause } from '../status-error.ts'

/** What rules may ask of the store. */
export interface StoreView {
  readonly kinds: KindRegistry
  find(ref: ObjectRef): ApiObject | undefined
  list(collection: Collection): ObjectList
}

/** What a rule makes of an object: the object with its defaults, and what is wrong with it. */
export interface Admitted {
  readonly object: ApiObject
  readonly causes: readonly StatusCause[]
}

/** What a rule looks at. */
export interface AdmissionRequest {
  readonly ref: ObjectRef
  readonly object: ApiObject
  /** What it is to replace, if anything. */
  readonly former: ApiObject | undefined
  readonly store: StoreView
}

export type AdmissionRule = (request: AdmissionRequest) => Admitted
