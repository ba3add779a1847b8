import type { CookieHash, HeaderHash, StickyCookie } from '../model/destination-policy.ts'
import { durationMs } from './duration.ts'

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

export const MAX_RETRIES = 10

type Annotations = Readonly<Record<string, string>>

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/
/** RFC 6265, 4.1.1: any character but controls and semicolon. */
const COOKIE_PATH = /^\/[\x20-\x3a\x3c-\x7e]{0,1023}$/
const SAME_SITES = ['Strict', 'Lax', 'None'] as const
/** Browsers keep cookies for 400 days at most. */
const MAX_TTL_SECONDS = 34_560_000

/** The hash that annotations ask for; what can't be read is as if it were not there. */
export function annotatedHash(annotations: Annotations): HeaderHash | CookieHash | undefined {
  const header = annotations[HASH_HEADER_ANNOTATION]
  if (header !== undefined && TOKEN.test(header)) return { kind: 'header-hash', header: header.toLowerCase() }
  const text = annotations[HASH_COOKIE_ANNOTATION]
  const cookie = text === undefined ? undefined : parseStickyCookie(text)
  return typeof cookie === 'object' ? { kind: 'cookie-hash', cookie } : undefined
}

/** @returns what is wrong, as text, where it can't be read */
export function parseStickyCookie(text: string): StickyCookie | string {
  const [name = '', ...attributes] = text.split(';').map((part) => part.trim())
  if (!TOKEN.test(name)) return `expected the name of a cookie, found "${name}"`
  let cookie: StickyCookie = { name, path: undefined, ttlSeconds: undefined, sameSite: undefined }
  for (const attribute of attributes) {
    const known = cookieAttribute(attribute)
    if (known === undefined)
      return `expected Path=/..., Max-Age=seconds or SameSite=Lax, found "${attribute}"`
    cookie = { ...cookie, ...known }
  }
  return cookie
}

function cookieAttribute(attribute: string): Partial<StickyCookie> | undefined {
  const [, key = '', value = ''] = /^([A-Za-z-]+)\s*=\s*(.*)$/.exec(attribute) ?? []
  switch (key.toLowerCase()) {
    case 'path':
      return COOKIE_PATH.test(value) ? { path: value } : undefined
    case 'max-age':
      return /^\d{1,8}$/.test(value) && Number(value) <= MAX_TTL_SECONDS
        ? { ttlSeconds: Number(value) || undefined }
        : undefined
    case 'samesite': {
      const sameSite = SAME_SITES.find((known) => known.toLowerCase() === value.toLowerCase())
      return sameSite && { sameSite }
    }
    default:
      return undefined
  }
}

/** `undefined` where nothing is said, or nothing that can be read. */
export function annotatedCount(
  text: string | undefined,
  { min, max }: Readonly<{ min: number; max: number }>,
) {
  if (text === undefined || !/^\d{1,6}$/.test(text.trim())) return undefined
  const count = Number(text)
  return count >= min && count <= max ? count : undefined
}

export function annotatedDurationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : durationMs(text)
}

/** The causes of a list, as far as they are known; `undefined` without any. */
export function annotatedCauses(text: string | undefined): readonly RetryCause[] | undefined {
  const words = new Set(text?.split(',').map((word) => word.trim()))
  const causes = RETRY_CAUSES.filter((cause) => words.has(cause))
  return causes.length === 0 ? undefined : causes
}
