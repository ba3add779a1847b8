import { type ApiObject, isRecord } from './api-object.ts'
import type { CustomKind, PrinterColumn } from './kind-registry.ts'
import { ANY_SCHEMA, type Schema } from './schema/schema.ts'

/** The served versions that a definition describes, the newest first. */
export function definedKinds(definition: ApiObject): CustomKind[] {
  const spec = recordOf(definition['spec'])
  const names = recordOf(spec['names'])
  const versions: unknown[] = Array.isArray(spec['versions']) ? spec['versions'] : []
  return versions
    .map(recordOf)
    .filter((version) => version['served'] !== false)
    .map(
      (version): CustomKind => ({
        group: String(spec['group']),
        version: String(version['name']),
        kind: String(names['kind']),
        plural: String(names['plural']),
        namespaced: spec['scope'] === 'Namespaced',
        shortNames: stringsOf(names['shortNames']),
        categories: stringsOf(names['categories']),
        hasStatus: isRecord(recordOf(version['subresources'])['status']),
        schema: schemaOf(version),
        columns: columnsOf(version),
      }),
    )
}

function schemaOf(version: Readonly<Record<string, unknown>>): Schema {
  const schema = recordOf(version['schema'])['openAPIV3Schema']
  return isRecord(schema) ? (schema as Schema) : ANY_SCHEMA
}

function columnsOf(version: Readonly<Record<string, unknown>>): readonly PrinterColumn[] {
  const columns = version['additionalPrinterColumns']
  return Array.isArray(columns) ? (columns as PrinterColumn[]) : []
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
