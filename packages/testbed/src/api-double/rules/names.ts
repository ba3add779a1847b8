import type { ObjectRef } from '../api-object.ts'
import { isRecord } from '../api-object.ts'
import type { StatusCause } from '../status-error.ts'
import { invalidValue } from './invalid.ts'

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const SERVICE_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const QUALIFIED =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$/

const AS_LABEL =
  'a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "-", and must start and end with an alphanumeric character'
const AS_SUBDOMAIN =
  'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "-" or ".", and must start and end with an alphanumeric character'
const AS_SERVICE =
  'a DNS-1035 label must consist of lower case alphanumeric characters or "-", start with an alphabetic character, and end with an alphanumeric character'

/** Kinds whose names may hold colons and capitals: they are segments of paths only. */
const FREE_NAMES: ReadonlySet<string> = new Set(['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'])

export function isDnsLabel(text: string): boolean {
  return LABEL.test(text) && text.length <= 63
}

/** What is wrong with an object's name, labels and annotations. */
export function checkMetadata(
  { kind, name }: ObjectRef,
  metadata: Readonly<Record<string, unknown>>,
): StatusCause[] {
  return [
    ...checkName(kind.kind, name),
    ...checkLabels(metadata['labels'], 'metadata.labels'),
    ...entriesOf(metadata['annotations'])
      .filter(([key]) => !QUALIFIED.test(key.toLowerCase()))
      .map(([key]) =>
        invalidValue(
          'metadata.annotations',
          key,
          'name part must consist of alphanumeric characters, "-", "_" or "."',
        ),
      ),
  ]
}

export function checkLabels(labels: unknown, field: string): StatusCause[] {
  return entriesOf(labels).flatMap(([key, value]) => {
    if (!QUALIFIED.test(key))
      return [invalidValue(field, key, 'name part must consist of alphanumeric characters, "-", "_" or "."')]
    if (typeof value === 'string' && LABEL_VALUE.test(value)) return []
    return [
      invalidValue(
        field,
        value,
        'a valid label must be an empty string or consist of at most 63 alphanumeric characters, "-", "_" or "."',
      ),
    ]
  })
}

function checkName(kind: string, name: string): StatusCause[] {
  if (FREE_NAMES.has(kind)) return []
  const [isRight, expected] =
    kind === 'Service'
      ? [SERVICE_LABEL.test(name) && name.length <= 63, AS_SERVICE]
      : kind === 'Namespace'
        ? [isDnsLabel(name), AS_LABEL]
        : [SUBDOMAIN.test(name) && name.length <= 253, AS_SUBDOMAIN]
  return isRight ? [] : [invalidValue('metadata.name', name, expected)]
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : []
}
