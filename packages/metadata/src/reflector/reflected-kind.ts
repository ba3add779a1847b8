import type { ApiObject } from '../kubernetes/api-object.ts'

/** A kind of objects that the mesh follows. */
export interface ReflectedKind<Value> {
  /** Plural, as in the API's paths and in metrics. */
  readonly name: string
  /** Of the collection in the whole cluster; of a custom kind, where it is looked for if nobody tells. */
  readonly path: string
  /** Its lists tell whether the source speaks for the cluster: every cluster has it, and each node may read it. */
  readonly judgesSource?: true
  /** It may not exist in the cluster, or nobody may read it; it is taken up when that changes. */
  readonly optional?: true
  /** Of a custom kind: as long as it is not defined, the cluster has no objects of it, and nobody asks for them. */
  readonly definition?: KindDefinition
  /**
   * What is kept of an object; `undefined` for one that is of no concern.
   *
   * @throws {MalformedObjectError}
   */
  map(object: ApiObject): Value | undefined
  /** What `map` would give today, of what it gave to an earlier version of this program; the same, unless given. */
  readonly restored?: (stored: Value) => Value
  /** Whether somebody on the way has spoilt the object: what was known of it holds on. */
  isCorrupted?(object: ApiObject): boolean
}

/** A CustomResourceDefinition, as far as the mesh goes by it. */
export interface KindDefinition {
  /** `<plural>.<group>`. */
  readonly name: string
  /** Versions that the mesh understands, with the paths of their collections; the first that is served is followed. */
  readonly paths: ReadonlyMap<string, string>
}
