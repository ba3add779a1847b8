import type { ApiObject } from './api-object.ts'
import { isRecord } from './api-object.ts'
import type { Kind } from './kinds.ts'
import { StatusError } from './status-error.ts'

export type Selector = (object: ApiObject) => boolean

const EVERYTHING: Selector = () => true

/**
 * The objects that both selectors of a request mean.
 *
 * @throws {StatusError} `BadRequest` when one can't be read
 */
export function selectorOf(query: URLSearchParams, kind: Kind): Selector | undefined {
  const labels = query.get('labelSelector') ?? ''
  const fields = query.get('fieldSelector') ?? ''
  if (labels === '' && fields === '') return undefined
  const [byLabel, byField] = [parseLabelSelector(labels), parseFieldSelector(fields, kind)]
  return (object) => byLabel(object) && byField(object)
}

/** `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, `a>1`, `a<1`, with commas between them. */
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
    new RegExp(`^(?<key>${KEY})\\s+in\\s*\\((?<value>.*)\\)$`),
    (key, value) => {
      const values = valuesOf(value)
      return (labels) => Object.hasOwn(labels, key) && values.includes(String(labels[key]))
    },
  ],
  [
    new RegExp(`^(?<key>${KEY})\\s+notin\\s*\\((?<value>.*)\\)$`),
    (key, value) => {
      const values = valuesOf(value)
      return (labels) => !Object.hasOwn(labels, key) || !values.includes(String(labels[key]))
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
  [
    new RegExp(`^(?<key>${KEY})\\s*>\\s*(?<value>-?\\d+)$`),
    (key, value) => (labels) => numberIn(labels, key) > Number(value),
  ],
  [
    new RegExp(`^(?<key>${KEY})\\s*<\\s*(?<value>-?\\d+)$`),
    (key, value) => (labels) => numberIn(labels, key) < Number(value),
  ],
  [new RegExp(`^!\\s*(?<key>${KEY})$`), (key) => (labels) => !Object.hasOwn(labels, key)],
  [new RegExp(`^(?<key>${KEY})$`), (key) => (labels) => Object.hasOwn(labels, key)],
]

function labelRequirement(text: string): LabelRequirement {
  for (const [pattern, requirement] of PATTERNS) {
    const { key, value = '' } = pattern.exec(text)?.groups ?? {}
    if (key !== undefined) return requirement(key, value)
  }
  throw new StatusError('BadRequest', `unable to parse requirement: ${text}`)
}

/** NaN, which is neither more nor less than anything, for what is no whole number. */
function numberIn(labels: Readonly<Record<string, unknown>>, key: string): number {
  const text = Object.hasOwn(labels, key) ? String(labels[key]) : ''
  return /^-?\d+$/.test(text) ? Number(text) : Number.NaN
}

function valuesOf(text: string): readonly string[] {
  return text.split(',').map((value) => value.trim())
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/)
}

/** Fields that objects of a kind can be selected by, beside name and namespace. */
const SELECTABLE: Readonly<Record<string, readonly string[]>> = {
  Event: [
    'involvedObject.apiVersion',
    'involvedObject.fieldPath',
    'involvedObject.kind',
    'involvedObject.name',
    'involvedObject.namespace',
    'involvedObject.resourceVersion',
    'involvedObject.uid',
    'reason',
    'reportingComponent',
    'type',
  ],
  Namespace: ['status.phase'],
  Node: ['spec.unschedulable'],
  Pod: [
    'spec.hostNetwork',
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.nominatedNodeName',
    'status.phase',
    'status.podIP',
  ],
  Secret: ['type'],
  Service: ['spec.clusterIP', 'spec.type'],
}

/** Fields that are `false` where they are absent. */
const FLAGS: readonly string[] = ['spec.unschedulable', 'spec.hostNetwork']

/** `path=value` and `path!=value`, with commas between them. */
export function parseFieldSelector(text: string, kind: Kind): Selector {
  if (text.trim() === '') return EVERYTHING
  const requirements = text.split(',').map((part): Selector => {
    const {
      path = '',
      operator,
      value = '',
    } = /^(?<path>[\w.]+)\s*(?<operator>!=|==?)\s*(?<value>.*)$/.exec(part.trim())?.groups ?? {}
    const own = kind.model === undefined ? [] : (SELECTABLE[kind.kind] ?? [])
    const isKnown = path === 'metadata.name' || path === 'metadata.namespace' || own.includes(path)
    if (!isKnown) throw new StatusError('BadRequest', `field label not supported: ${path || part}`)
    return (object) => (fieldText(object, path) === value) === (operator !== '!=')
  })
  return (object) => requirements.every((holds) => holds(object))
}

function fieldText(object: ApiObject, path: string): string {
  const value = path
    .split('.')
    .reduce<unknown>((inner, field) => (isRecord(inner) ? inner[field] : undefined), object)
  const absent = FLAGS.includes(path) ? 'false' : ''
  return value === undefined || value === null ? absent : String(value)
}
