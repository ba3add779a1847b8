import type { ApiObject } from '../api-double/api-object.ts'
import { isRecord } from '../api-double/api-object.ts'
import type { Selector } from '../api-double/selectors.ts'
import { StatusError } from '../api-double/status-error.ts'
import type { Faults } from './faults/faults.ts'

/**
 * `path=value` and `path!=value`, with commas between them, as the node's store understands them: what is neither name nor
 * namespace counts as empty.
 *
 * @throws {StatusError} `BadRequest` when it can't be read
 */
export function localFieldSelector(text: string, faults: Pick<Faults, 'fieldSelectorsIgnored'>): Selector {
  const requirements = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part): Selector => {
      const { path, operator, value } =
        /^(?<path>[\w.]+)\s*(?<operator>!=|==?)\s*(?<value>.*)$/.exec(part.trim())?.groups ?? {}
      if (path === undefined) throw new StatusError('BadRequest', `invalid field selector: ${part}`)
      return (object) => {
        const isKnown = path === 'metadata.name' || path === 'metadata.namespace'
        const found = isKnown || !faults.fieldSelectorsIgnored ? fieldText(object, path) : ''
        return (found === value) === (operator !== '!=')
      }
    })
  return (object) => requirements.every((holds) => holds(object))
}

function fieldText(object: ApiObject, path: string): string {
  const value = path
    .split('.')
    .reduce<unknown>((inner, field) => (isRecord(inner) ? inner[field] : undefined), object)
  return value === undefined || value === null ? '' : String(value)
}
