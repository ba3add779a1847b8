import type { Logger } from '@edgeway/core'
import { MalformedObjectError } from '../errors.ts'
import { readApiObject, readIdentity } from '../kubernetes/api-object.ts'
import type { MetadataMetrics } from '../metrics.ts'
import type { ObjectIdentity, ReflectedObject } from './object-set.ts'
import type { ReflectedKind } from './reflected-kind.ts'

export interface ObjectReaderDeps {
  readonly logger: Logger
  readonly metrics: Pick<MetadataMetrics, 'skipped' | 'corrupted'>
}

/** In place of a key. */
const NAMELESS = ''

/** Reads objects of one kind as the source sends them, and names those that can't be read, once per version. */
export class ObjectReader<Value> {
  readonly #kind: ReflectedKind<Value>
  readonly #deps: ObjectReaderDeps
  /** The malformed objects that were named in the log already, with their revision; all nameless ones count as one. */
  readonly #named = new Map<string, number>()
  #corrupted = 0

  constructor(kind: ReflectedKind<Value>, deps: ObjectReaderDeps) {
    this.#kind = kind
    this.#deps = deps
  }

  /** Objects that can't be read now. */
  get malformed(): number {
    return this.#named.size
  }

  /** How often an object was spoilt so far. */
  get corrupted(): number {
    return this.#corrupted
  }

  /** @returns nothing for what has not even a name; a malformed object only as far as it can be read */
  read(value: unknown): ReflectedObject<Value>[] {
    let identity: ObjectIdentity | undefined
    try {
      identity = readIdentity(value)
      const object = readApiObject(value)
      if (this.#kind.isCorrupted?.(object) === true) return [this.#spoilt(identity)]
      const mapped = this.#kind.map(object)
      this.#named.delete(identity.key)
      return [{ ...identity, value: mapped, malformed: false }]
    } catch (error) {
      if (!(error instanceof MalformedObjectError)) throw error
      this.#skip(identity, error)
      return identity === undefined ? [] : [{ ...identity, value: undefined, malformed: true }]
    }
  }

  /** Forgets about malformed objects that are no more. */
  retain(isThere: (key: string) => boolean): void {
    for (const key of this.#named.keys()) if (key !== NAMELESS && !isThere(key)) this.#named.delete(key)
  }

  #spoilt(identity: ObjectIdentity): ReflectedObject<Value> {
    const { logger, metrics } = this.#deps
    if (this.#corrupted === 0)
      logger.warn('objects are spoilt on their way, what was known of them holds on', { first: identity.key })
    this.#corrupted += 1
    metrics.corrupted.add({ kind: this.#kind.name })
    return { ...identity, value: undefined, malformed: true }
  }

  #skip(identity: ObjectIdentity | undefined, error: MalformedObjectError): void {
    this.#deps.metrics.skipped.add({ kind: this.#kind.name })
    const { key = NAMELESS, revision = 0 } = identity ?? {}
    if (this.#named.get(key) === revision) return
    this.#named.set(key, revision)
    this.#deps.logger.warn('malformed object skipped', { object: identity?.key, error })
  }
}
