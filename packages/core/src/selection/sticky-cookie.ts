import type { StickyCookie } from '../model/destination-policy.ts'

/** RFC 9110, 5.6.2: what names of headers and cookies are made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/
/** RFC 6265, 4.1.1: any character but controls and semicolon. */
const COOKIE_PATH = /^\/[\x20-\x3a\x3c-\x7e]{0,1023}$/
const SAME_SITES = ['Strict', 'Lax', 'None'] as const

/** Browsers keep cookies for 400 days at most (draft-ietf-httpbis-rfc6265bis, 5.5). */
export const MAX_COOKIE_TTL_SECONDS = 34_560_000

/** Whether it may be the name of a header or of a cookie; of 256 characters at most. */
export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/** Whether it may be the path of a cookie; of 1024 characters at most. */
export function isCookiePath(text: string): boolean {
  return COOKIE_PATH.test(text)
}

/**
 * Reads a cookie as `Set-Cookie` has it, without a value: `name; Path=/; Max-Age=3600; SameSite=Lax`. `Max-Age=0` stands for
 * none: until the browser ends.
 *
 * @returns what is wrong, as text, where it can't be read
 */
export function parseStickyCookie(text: string): StickyCookie | string {
  const [name = '', ...attributes] = text.split(';').map((part) => part.trim())
  if (!isToken(name)) return `expected the name of a cookie, found "${name}"`
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
      return isCookiePath(value) ? { path: value } : undefined
    case 'max-age':
      return isTtl(value) ? { ttlSeconds: Number(value) || undefined } : undefined
    case 'samesite': {
      const sameSite = SAME_SITES.find((known) => known.toLowerCase() === value.toLowerCase())
      return sameSite && { sameSite }
    }
    default:
      return undefined
  }
}

function isTtl(digits: string): boolean {
  return /^\d{1,8}$/.test(digits) && Number(digits) <= MAX_COOKIE_TTL_SECONDS
}
