import type { ObjectRef } from '../api-object.ts'
import { type StatusCause, StatusError } from '../status-error.ts'

/** The answer to an object that can't be: each field with its value and what was expected. */
export function invalid({ kind, name }: ObjectRef, causes: readonly StatusCause[]): StatusError {
  const texts = causes.map(({ field, message }) => `${field}: ${message}`)
  const what = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  const group = kind.group === '' ? {} : { group: kind.group }
  const type = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  return new StatusError('Invalid', `${type} "${name}" is invalid: ${what}`, {
    details: { name, ...group, kind: kind.kind, causes },
  })
}

export function invalidValue(field: string, value: unknown, expected: string): StatusCause {
  return {
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${JSON.stringify(value)}: ${expected}`,
    field,
  }
}

export function required(field: string, why = ''): StatusCause {
  return {
    reason: 'FieldValueRequired',
    message: why === '' ? 'Required value' : `Required value: ${why}`,
    field,
  }
}

export function duplicate(field: string, value: unknown): StatusCause {
  return { reason: 'FieldValueDuplicate', message: `Duplicate value: ${JSON.stringify(value)}`, field }
}

export function unsupported(field: string, value: unknown, supported: readonly string[]): StatusCause {
  const list = supported.map((one) => JSON.stringify(one)).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`,
    field,
  }
}

export function forbidden(field: string, why: string): StatusCause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field }
}
