import { randomBytes } from 'node:crypto'
import type { StickyCookie } from '@edgeway/core'

/** 128 bits: two users never get the same one. */
const VALUE_BYTES = 16
/** Browsers keep no longer ones. */
const MAX_VALUE_LENGTH = 4_096

/** RFC 6265, 4.1.1: any character but controls and semicolon. */
const PATH = /^\/[\x20-\x3a\x3c-\x7e]*$/

const SPACE = 0x20
const TAB = 0x09
const QUOTE = 0x22
const EQUALS = 0x3d

/**
 * The value of the first cookie of that name that has one. Pairs are taken apart at semicolons only, as browsers send them;
 * quotes around a value are not part of it.
 *
 * @param fields - values of all `Cookie` fields of a request
 * @returns `undefined` where there is none, or none but empty and overlong ones
 * @see RFC 6265, 4.2 and 5.4
 */
export function cookieValue(fields: readonly string[], name: string): string | undefined {
  for (const field of fields) {
    const value = valueWithin(field, name)
    if (value !== undefined) return value
  }
  return undefined
}

/** A new value for who has none. */
export function newCookieValue(): string {
  return randomBytes(VALUE_BYTES).toString('base64url')
}

/**
 * The value of `Set-Cookie` that gives a client that cookie. Scripts of the page have no use for it, so it is `HttpOnly`. It is
 * `Secure` only where browsers else refuse it: with `SameSite=None`, and with a name that begins with `__Secure-` or `__Host-`.
 * Inside the mesh HTTP is plain, but where one of these is wished, a browser comes by a gateway that ends TLS.
 *
 * @see draft-ietf-httpbis-rfc6265bis, 4.1.2.7, 4.1.3 and 5.6
 */
export function setCookieOf({ name, path, ttlSeconds, sameSite }: StickyCookie, value: string): string {
  let text = `${name}=${value}`
  // Whoever may write a DestinationRule must not write further fields by it.
  if (path !== undefined && PATH.test(path)) text += `; Path=${path}`
  if (ttlSeconds !== undefined) text += `; Max-Age=${ttlSeconds}`
  if (sameSite !== undefined) text += `; SameSite=${sameSite}`
  if (sameSite === 'None' || /^__(?:secure|host)-/i.test(name)) text += '; Secure'
  return `${text}; HttpOnly`
}

function valueWithin(field: string, name: string): string | undefined {
  for (let from = 0; from < field.length; ) {
    const semicolon = field.indexOf(';', from)
    const end = semicolon === -1 ? field.length : semicolon
    const start = skipSpace(field, from, end)
    const equals = start + name.length
    if (field.charCodeAt(equals) === EQUALS && field.startsWith(name, start)) {
      const value = unquoted(field.slice(equals + 1, end).trim())
      if (value.length > 0 && value.length <= MAX_VALUE_LENGTH) return value
    }
    from = end + 1
  }
  return undefined
}

function skipSpace(text: string, from: number, end: number): number {
  let at = from
  while (at < end && isSpace(text.charCodeAt(at))) at++
  return at
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB
}

function unquoted(value: string): string {
  const last = value.length - 1
  const isQuoted = last > 0 && value.charCodeAt(0) === QUOTE && value.charCodeAt(last) === QUOTE
  return isQuoted ? value.slice(1, last) : value
}
