import { type ApiObject, isRecord } from '../api-object.ts'
import type { Kind } from '../kinds.ts'
import type { Schema } from '../schema/schema.ts'
import { StatusError } from '../status-error.ts'
import { applyJsonPatch } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'
import { applyStrategicMergePatch } from './strategic-merge.ts'

/**
 * Applies a patch of any of the types that the API knows.
 *
 * @param patch - `type`: its media type, which says how it is to be read
 * @throws {StatusError} `UnsupportedMediaType` for another type, or for a strategic merge of a custom resource
 */
export function applyPatch(
  object: ApiObject,
  patch: { readonly type: string; readonly body: unknown },
  { kind, schema }: { readonly kind: Kind; readonly schema: Schema },
): unknown {
  const { type, body } = patch
  if (type === 'application/json-patch+json') return applyJsonPatch(object, body)
  const isStrategic = type === 'application/strategic-merge-patch+json' && kind.model !== undefined
  if (!isStrategic && type !== 'application/merge-patch+json')
    throw new StatusError('UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`)
  if (!isRecord(body)) throw new StatusError('BadRequest', 'a merge patch is an object')
  return isStrategic ? applyStrategicMergePatch(object, body, schema) : applyMergePatch(object, body)
}
