import { applyPatch, type Operation } from 'rfc6902'
import { isRecord } from '../api-object.ts'
import { StatusError } from '../status-error.ts'

/**
 * A JSON patch, in a copy.
 *
 * @throws {StatusError} `BadRequest` for what is no list of operations, `Invalid` when one can't be applied
 * @see RFC 6902
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch) || !patch.every(isOperation))
    throw new StatusError('BadRequest', 'a JSON patch is a list of operations')
  const patched = structuredClone(target)
  // The library reports each operation's failure instead of throwing it.
  const [failure] = applyPatch(patched, patch as Operation[]).filter((error) => error !== null)
  if (failure === undefined) return patched
  throw new StatusError(
    'Invalid',
    `the server rejected our request due to an error in our request: ${failure.message}`,
  )
}

/** What the library can read; whether the operation makes sense is told when it is tried. */
function isOperation(value: unknown): boolean {
  return (
    isRecord(value) && isPointer(value['path']) && (value['from'] === undefined || isPointer(value['from']))
  )
}

/** @see RFC 6901, section 3 */
function isPointer(text: unknown): boolean {
  return typeof text === 'string' && (text === '' || text.startsWith('/'))
}
