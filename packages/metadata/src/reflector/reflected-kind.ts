import type { ApiObject } from '../kubernetes/api-object.ts'

/** A kind of objects that the mesh follows. */
export interface ReflectedKind<Value> {
  /** Plural, as in the API's paths and in metrics. */
  readonly name: string
  /** Of the collection in the whole cluster. */
  readonly path: string
  /** Its lists tell whether the source speaks for the cluster: every cluster has it, and each node may read it. */
  readonly judgesSource?: true
  /** It may not exist in the cluster, or nobody may read it; it is taken up when that changes. */
  readonly optional?: true
  /**
   * What is kept of an object; `undefined` for one that is of no concern.
   *
   * @throws {MalformedObjectError}
   */
  map(object: ApiObject): Value | undefined
  /** Whether somebody on the way has spoilt the object: what was known of it holds on. */
  isCorrupted?(object: ApiObject): boolean
}
