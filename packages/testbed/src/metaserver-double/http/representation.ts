import { stringify } from 'yaml'
import { type ApiObject, isRecord } from '../../api-double/api-object.ts'
import { StatusError } from '../../api-double/status-error.ts'
import type { CloudAnswer } from '../cloud/cloud.ts'

export type Format = 'json' | 'yaml' | 'table'

const TABLE = { kind: 'Table', apiVersion: 'meta.k8s.io/v1' } as const
/** Those of objects that nobody gave columns to. */
const COLUMNS = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name', priority: 0 },
  { name: 'Created At', type: 'date', format: '', description: 'Created At', priority: 0 },
]

/**
 * What MetaServer makes of an Accept header.
 *
 * @throws {StatusError} `NotAcceptable` when nothing but protobuf will do
 */
export function formatFor(accept = ''): Format {
  const types = accept === '' ? ['*/*'] : accept.split(',').map((type) => type.trim())
  for (const type of types) {
    if (/^(application\/json|application\/\*|\*\/\*)/.test(type))
      return /\bas=Table\b/.test(type) ? 'table' : 'json'
    if (/^application\/yaml\b/.test(type)) return 'yaml'
  }
  throw new StatusError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml',
  )
}

/** A JSON answer in the wanted form; failures are always JSON, or YAML. */
export function represent(answer: CloudAnswer, format: Format): CloudAnswer {
  if (format === 'json' || !answer.contentType.includes('json')) return answer
  const body: unknown = JSON.parse(answer.text)
  if (format === 'yaml') return { ...answer, contentType: 'application/yaml', text: stringify(body) }
  if (answer.code >= 300 || !isRecord(body)) return answer
  const objects = Array.isArray(body['items']) ? body['items'] : [body]
  return { ...answer, text: JSON.stringify(tableOf(objects, body['metadata'])) }
}

/** One line of a watch. */
export function representEvent(type: string, object: unknown, format: Format): string {
  const body = format === 'table' && type !== 'ERROR' ? tableOf([object as ApiObject], undefined) : object
  return `${JSON.stringify({ type, object: body })}\n`
}

function tableOf(objects: readonly ApiObject[], metadata: unknown): object {
  return {
    ...TABLE,
    metadata: isRecord(metadata) ? { resourceVersion: metadata['resourceVersion'] } : {},
    columnDefinitions: COLUMNS,
    rows: objects.map((object) => ({
      cells: [object.metadata.name, object.metadata.creationTimestamp ?? ''],
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  }
}
