import type { ApiObject } from './api-object.ts'
import { isRecord } from './api-object.ts'
import { StatusError } from './status-error.ts'

export type Selector = (object: ApiObject) => boolean

const EVERYTHING: Selector = () => true

/**
 * The objects that both selectors of a request mean.
 *
 * @throws {StatusError} `BadRequest` when one can't be read
 */
export function selectorOf(query: URLSearchParams): Selector | undefined {
  const labels = query.get('labelSelector') ?? ''
  const fields = query.get('fieldSelector') ?? ''
  if (labels === '' && fields === '') return undefined
  const [byLabel, byField] = [parseLabelSelector(labels), parseFieldSelector(fields)]
  return (object) => byLabel(object) && byField(object)
}

/** `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, with commas between them. */
export function parseLabelSelector(text: string): Selector {
  if (text.trim() === '') return EVERYTHING
  const requirements = splitOutsideParentheses(text).map((part) => labelRequirement(part.trim()))
  return (object) => {
    const labels = isRecord(object.metadata['labels']) ? object.metadata['labels'] : {}
    return requirements.every((holds) => holds(labels))
  }
}

type LabelRequirement = (labels: Readonly<Record<string, unknown>>) => boolean

const KEY = '[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?'
const PATTERNS: readonly [RegExp, (key: string, value: string) => LabelRequirement][] = [
  [
    new RegExp(`^(?<key>${KEY})\\s+in\\s+\\((?<value>.*)\\)$`),
    (key, value) => {
      const values = valuesOf(value)
      return (labels) => key in labels && values.includes(String(labels[key]))
    },
  ],
  [
    new RegExp(`^(?<key>${KEY})\\s+notin\\s+\\((?<value>.*)\\)$`),
    (key, value) => {
      const values = valuesOf(value)
      return (labels) => !(key in labels) || !values.includes(String(labels[key]))
    },
  ],
  [
    new RegExp(`^(?<key>${KEY})\\s*!=\\s*(?<value>[^=]*)$`),
    (key, value) => (labels) => labels[key] !== value.trim(),
  ],
  [
    new RegExp(`^(?<key>${KEY})\\s*==?\\s*(?<value>[^=]*)$`),
    (key, value) => (labels) => labels[key] === value.trim(),
  ],
  [new RegExp(`^!\\s*(?<key>${KEY})$`), (key) => (labels) => !(key in labels)],
  [new RegExp(`^(?<key>${KEY})$`), (key) => (labels) => key in labels],
]

function labelRequirement(text: string): LabelRequirement {
  for (const [pattern, requirement] of PATTERNS) {
    const { key, value = '' } = pattern.exec(text)?.groups ?? {}
    if (key !== undefined) return requirement(key, value)
  }
  throw new StatusError('BadRequest', `unable to parse requirement: ${text}`)
}

function valuesOf(text: string): readonly string[] {
  return text.split(',').map((value) => value.trim())
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/)
}

/** Fields of particular kinds that can be selected by, beside name and namespace. */
const SELECTABLE: readonly string[] = [
  'spec.nodeName',
  'spec.unschedulable',
  'status.phase',
  'status.podIP',
  'type',
  'reason',
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
]

/** `path=value` and `path!=value`, with commas between them. */
export function parseFieldSelector(text: string): Selector {
  if (text.trim() === '') return EVERYTHING
  const requirements = text.split(',').map((part): Selector => {
    const {
      path = '',
      operator,
      value = '',
    } = /^(?<path>[\w.]+)\s*(?<operator>!=|==?)\s*(?<value>.*)$/.exec(part.trim())?.groups ?? {}
    const isKnown = path === 'metadata.name' || path === 'metadata.namespace' || SELECTABLE.includes(path)
    if (!isKnown) throw new StatusError('BadRequest', `field label not supported: ${path || part}`)
    return (object) => (fieldText(object, path) === value) === (operator !== '!=')
  })
  return (object) => requirements.every((holds) => holds(object))
}

function fieldText(object: ApiObject, path: string): string {
  const value = path
    .split('.')
    .reduce<unknown>((inner, field) => (isRecord(inner) ? inner[field] : undefined), object)
  return value === undefined || value === null ? '' : String(value)
}
