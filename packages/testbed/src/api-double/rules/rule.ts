import type { ApiObject, ObjectRef } from '../api-object.ts'
import type { StatusCause } from '../status-error.ts'

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
}

export type AdmissionRule = (request: AdmissionRequest) => Admitted
