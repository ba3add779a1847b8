import { isRecord } from '../api-object.ts'

/**
 * A JSON merge patch: `null` deletes a field, lists are replaced.
 *
 * @see RFC 7396, section 2
 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {}
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field]
    else merged[field] = applyMergePatch(merged[field], value)
  }
  return merged
}
