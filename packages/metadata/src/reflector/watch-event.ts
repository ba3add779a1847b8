import { SourceError } from '../errors.ts'

/** What the ERROR event of a watch means. */
export function watchError(status: unknown): SourceError {
  const { code, message } = (status ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  return new SourceError(`the watch ended: ${String(message)}`, typeof code === 'number' ? code : undefined)
}

/** Up to where a BOOKMARK says that everything was told; 0 when it does not. */
export function bookmarkRevision(object: unknown): number {
  const { metadata } = (object ?? {}) as { readonly metadata?: { readonly resourceVersion?: unknown } }
  const revision = Number(metadata?.resourceVersion)
  return Number.isSafeInteger(revision) ? revision : 0
}
