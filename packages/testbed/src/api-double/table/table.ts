import type { ApiObject } from '../api-object.ts'
import { isCustom } from '../kind-registry.ts'
import type { Kind } from '../kinds.ts'
import { ageOf } from './age.ts'
import { type Column, columnsOf, customColumns } from './columns.ts'

const NAME: Column = { name: 'Name', type: 'string', cell: ({ metadata }) => metadata.name }
const AGE: Column = { name: 'Age', type: 'string', cell: ({ metadata }) => ageOf(metadata.creationTimestamp) }

/** Objects as rows, with the columns that kubectl shows for their kind. */
export function tableOf(
  kind: Kind,
  objects: readonly ApiObject[],
  metadata: object,
): Record<string, unknown> {
  const own = isCustom(kind) ? customColumns(kind.columns) : columnsOf(kind.kind)
  const columns =
    isCustom(kind) && kind.columns.length > 0
      ? [NAME, ...own]
      : [NAME, ...own.filter(isNarrow), AGE, ...own.filter(isWide)]
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, type, priority = 0 }) => ({
      name,
      type,
      format: name === 'Name' ? 'name' : '',
      description: name,
      priority,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object) ?? '<none>'),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  }
}

function isNarrow({ priority = 0 }: Column): boolean {
  return priority === 0
}

function isWide(column: Column): boolean {
  return !isNarrow(column)
}
