import type { StatusCause } from '../status-error.ts'
import type { Schema } from './schema.ts'

type Problem = readonly [reason: StatusCause['reason'], message: string]

/** What a value of the right type has too much or too little of, in kube-apiserver's words. */
export function boundsProblems(value: unknown, schema: Schema): readonly Problem[] {
  return [
    ...enumProblems(value, schema),
    ...messagesFor(value, schema).map((message): Problem => ['FieldValueInvalid', message]),
  ]
}

function enumProblems(value: unknown, schema: Schema): readonly Problem[] {
  if (schema.enum === undefined || schema.enum.includes(value)) return []
  const supported = schema.enum.map((one) => JSON.stringify(one)).join(', ')
  return [
    ['FieldValueNotSupported', `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`],
  ]
}

function messagesFor(value: unknown, schema: Schema): string[] {
  if (typeof value === 'number') return numberMessages(value, schema)
  if (typeof value === 'string') return stringMessages(value, schema)
  return Array.isArray(value) ? listMessages(value.length, schema) : []
}

function numberMessages(value: number, { minimum = value, maximum = value }: Schema): string[] {
  return [
    ...(value < minimum ? [`Invalid value: ${value}: should be greater than or equal to ${minimum}`] : []),
    ...(value > maximum ? [`Invalid value: ${value}: should be less than or equal to ${maximum}`] : []),
  ]
}

function stringMessages(
  value: string,
  { minLength = 0, maxLength = value.length, pattern = '' }: Schema,
): string[] {
  const shown = JSON.stringify(value)
  return [
    ...(value.length < minLength
      ? [`Invalid value: ${shown}: should be at least ${minLength} chars long`]
      : []),
    ...(value.length > maxLength ? [`Too long: may not be more than ${maxLength} bytes`] : []),
    ...(compile(pattern)?.test(value) !== false
      ? []
      : [`Invalid value: ${shown}: should match '${pattern}'`]),
  ]
}

/** `undefined` for what only Go's syntax has, such as `(?i)`, which is not checked. */
function compile(pattern: string): RegExp | undefined {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(pattern, flags)
    } catch {
      // Without `u`, needless escapes are allowed, as in Go.
    }
  }
  return undefined
}

function listMessages(length: number, { minItems = 0, maxItems = length }: Schema): string[] {
  return [
    ...(length < minItems ? [`Invalid value: ${length}: should have at least ${minItems} items`] : []),
    ...(length > maxItems ? [`Too many: ${length}: must have at most ${maxItems} items`] : []),
  ]
}
