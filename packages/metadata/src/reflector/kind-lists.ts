import { SourceError } from '../errors.ts'
import type { Source } from '../source/source.ts'
import { listAll, type ObjectList } from './object-list.ts'
import type { KindDefinition, ReflectedKind } from './reflected-kind.ts'

export interface KindList extends ObjectList {
  /** The cluster itself says that it does not have the kind: its objects are none, and there is nothing to watch. */
  readonly isAbsent: boolean
}

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
/** The mesh may not read definitions, or there are none. */
const UNTOLD: readonly (number | undefined)[] = [403, 404]

/**
 * Lists one kind, a custom one where its definition says that it is served. MetaServer answers for a kind that the cluster
 * does not have, or has no more, from its own store; what the definition says it can't make up.
 */
export class KindLists {
  readonly #kind: Pick<ReflectedKind<unknown>, 'path' | 'definition'>
  readonly #source: Source
  #path: string

  constructor(kind: Pick<ReflectedKind<unknown>, 'path' | 'definition'>, source: Source) {
    this.#kind = kind
    this.#source = source
    this.#path = kind.path
  }

  /** Of the collection, as the last list found it. */
  get path(): string {
    return this.#path
  }

  /** @throws {SourceError} when it is not to be had */
  async list(signal: AbortSignal): Promise<KindList> {
    const { definition } = this.#kind
    const answer = definition === undefined ? undefined : await this.#ask(definition, signal)
    if (definition !== undefined && answer !== undefined) {
      const path = servedPath(definition, answer.items)
      if (path === undefined) return { ...answer, items: [], isAbsent: true }
      this.#path = path
    }
    return { ...(await listAll(this.#source, this.#path, signal)), isAbsent: false }
  }

  /** @returns the definition in a list, or an empty one; `undefined` when the cluster itself does not tell */
  async #ask({ name }: KindDefinition, signal: AbortSignal): Promise<ObjectList | undefined> {
    try {
      const path = `${DEFINITIONS}?fieldSelector=metadata.name%3D${name}`
      const answer = await listAll({ ...this.#source, pageSize: undefined }, path, signal)
      return answer.listClass === 'authoritative' ? answer : undefined
    } catch (error) {
      if (error instanceof SourceError && UNTOLD.includes(error.status)) return undefined
      throw error
    }
  }
}

interface Definition {
  readonly metadata?: { readonly name?: unknown }
  readonly spec?: { readonly versions?: unknown }
}

interface Version {
  readonly name?: unknown
  readonly served?: unknown
}

function servedPath({ name, paths }: KindDefinition, definitions: readonly unknown[]): string | undefined {
  const found = (definitions as readonly (Definition | null)[]).find((one) => one?.metadata?.name === name)
  const versions = found?.spec?.versions
  if (!Array.isArray(versions)) return undefined
  const served = (versions as readonly (Version | null)[])
    .filter((version) => version?.served === true)
    .map((version) => version?.name)
  return [...paths].find(([version]) => served.includes(version))?.[1]
}
