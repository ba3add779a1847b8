import type { ApiObject } from '../../api-double/api-object.ts'
import type { Resource } from '../resource.ts'

export const EVENT_TYPES = { insert: 'ADDED', update: 'MODIFIED', delete: 'DELETED' } as const

export type Operation = keyof typeof EVENT_TYPES

/** What CloudCore tells a node of one object. */
export interface Message {
  readonly operation: Operation
  readonly resource: Resource
  readonly object: ApiObject
  /** Without the type of its object, which no edge can read then. */
  readonly isKindless: boolean
}
