import type { CookieHash, HeaderHash } from '../model/destination-policy.ts'
import { durationMs } from './duration.ts'
import { isToken, parseStickyCookie } from './sticky-cookie.ts'

/** What the Service's ports speak, whatever else is said: one of `APPLICATION_PROTOCOLS`. */
export const PROTOCOL_ANNOTATION = 'edgeway.io/protocol'

/** Name of a header: requests with equal values go to the same endpoint. */
export const HASH_HEADER_ANNOTATION = 'edgeway.io/hash-header'

/** A cookie as `Set-Cookie` has it, without a value: `name; Path=/; Max-Age=3600; SameSite=Lax`. Comes after the header. */
export const HASH_COOKIE_ANNOTATION = 'edgeway.io/hash-cookie'

/** How often a request may be tried again, 0 to 10. */
export const RETRIES_ANNOTATION = 'edgeway.io/retries'

/** When: a list of `RETRY_CAUSES`; all of them, unless given. */
export const RETRY_ON_ANNOTATION = 'edgeway.io/retry-on'

/** A duration: for a request, all of its tries together, until its response is complete. */
export const REQUEST_TIMEOUT_ANNOTATION = 'edgeway.io/request-timeout'

/** A duration: for one try, until the head of its response. */
export const PER_TRY_TIMEOUT_ANNOTATION = 'edgeway.io/per-try-timeout'

/** 1 to 100: an endpoint is left out that answers that share of its requests with a status of 500 to 599. */
export const MAX_ERROR_PERCENT_ANNOTATION = 'edgeway.io/max-error-percent'

/** Who called, for the endpoint: one of `FORWARDED_HEADERS`. */
export const FORWARDED_HEADERS_ANNOTATION = 'edgeway.io/forwarded-headers'

export const RETRY_CAUSES = ['connect-failure', 'reset', '502', '503', '504'] as const

/**
 * Why a request is tried again: its endpoint could not be connected to, the connection broke before the response began, or
 * the response has that status.
 */
export type RetryCause = (typeof RETRY_CAUSES)[number]

/** `x-forwarded-for`, also where nothing is said; `forwarded` (RFC 7239); `both`; or `off`. */
export const FORWARDED_HEADERS = ['x-forwarded-for', 'forwarded', 'both', 'off'] as const

export type ForwardedHeaders = (typeof FORWARDED_HEADERS)[number]

/** Both are allowed. */
export interface CountBounds {
  readonly min: number
  readonly max: number
}

export const RETRIES_BOUNDS: CountBounds = { min: 0, max: 10 }
export const ERROR_PERCENT_BOUNDS: CountBounds = { min: 1, max: 100 }

type Annotations = Readonly<Record<string, string>>

/** So much of an annotation is read: whoever may write a Service must not slow down what is decided for each connection. */
export const MAX_ANNOTATION_LENGTH = 4_096

/** The hash that annotations ask for; what can't be read is as if it were not there. */
export function annotatedHash(annotations: Annotations): HeaderHash | CookieHash | undefined {
  const header = annotations[HASH_HEADER_ANNOTATION]
  if (header !== undefined && isToken(header)) return { kind: 'header-hash', header: header.toLowerCase() }
  const text = annotations[HASH_COOKIE_ANNOTATION]
  const cookie = isReadable(text) ? parseStickyCookie(text) : undefined
  return typeof cookie === 'object' ? { kind: 'cookie-hash', cookie } : undefined
}

/** `undefined` where nothing is said, or nothing that can be read. */
export function annotatedCount(text: string | undefined, { min, max }: CountBounds): number | undefined {
  if (text === undefined || !/^\d{1,6}$/.test(text)) return undefined
  const count = Number(text)
  return count >= min && count <= max ? count : undefined
}

/** As for `annotatedCount`. */
export function annotatedDurationMs(text: string | undefined): number | undefined {
  return isReadable(text) ? durationMs(text) : undefined
}

/** The causes of a list, as far as they are known; `undefined` without any. */
export function annotatedCauses(text: string | undefined): readonly RetryCause[] | undefined {
  if (!isReadable(text)) return undefined
  const words = new Set(text.split(',').map((word) => word.trim()))
  const causes = RETRY_CAUSES.filter((cause) => words.has(cause))
  return causes.length === 0 ? undefined : causes
}

function isReadable(text: string | undefined): text is string {
  return text !== undefined && text.length <= MAX_ANNOTATION_LENGTH
}
