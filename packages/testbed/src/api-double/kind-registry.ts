import { apiVersionOf, KINDS, type Kind } from './kinds.ts'
import { builtinSchema } from './schema/builtin-schema.ts'
import type { Schema } from './schema/schema.ts'

/** A printer column of a custom resource. */
export interface PrinterColumn {
  readonly name: string
  readonly type: string
  readonly jsonPath: string
  readonly description?: string
  readonly priority?: number
}

/** What a CustomResourceDefinition says of one version of its kind. */
export interface CustomKind extends Kind {
  readonly schema: Schema
  readonly columns: readonly PrinterColumn[]
}

/** The kinds that are served now: Kubernetes' own, and those of CustomResourceDefinitions. */
export class KindRegistry {
  readonly #custom = new Map<string, readonly CustomKind[]>()

  all(): readonly Kind[] {
    return [...KINDS, ...[...this.#custom.values()].flat()]
  }

  /** The kind that a manifest means, or `undefined` for one that is not served. */
  find(apiVersion: string, name: string): Kind | undefined {
    return this.all().find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion)
  }

  /** The kind behind `/api/<version>/…/<plural>` or `/apis/<group>/<version>/…/<plural>`. */
  at(group: string, version: string, plural: string): Kind | undefined {
    return this.all().find(
      (kind) => kind.group === group && kind.version === version && kind.plural === plural,
    )
  }

  /** Replaces the versions that the CustomResourceDefinition of that name defines; none: it is gone. */
  define(definition: string, kinds: readonly CustomKind[]): void {
    if (kinds.length === 0) this.#custom.delete(definition)
    else this.#custom.set(definition, kinds)
  }

  definedBy(definition: string): readonly CustomKind[] {
    return this.#custom.get(definition) ?? []
  }

  schemaOf(kind: Kind): Schema {
    return isCustom(kind) ? kind.schema : builtinSchema(kind.model ?? kind.kind)
  }
}

export function isCustom(kind: Kind): kind is CustomKind {
  return 'schema' in kind
}

/** The versions of one custom resource share their objects; every other kind has its own. */
export function storageKey({ group, plural }: Kind): string {
  return `${plural}.${group}`
}
