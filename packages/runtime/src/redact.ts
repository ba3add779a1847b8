/** Keys whose value is a secret by its name. `joinTokenFile` is none: a path may be shown. */
const SECRET_KEY = /(token|secret|password|passphrase|credential|privatekey|psk)s?$/i

export const REDACTED = '<redacted>'

export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key)
}

/** A copy of plain JSON-like data without the values whose key names a secret. */
export function redactSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecretKey(key) ? REDACTED : redactSecrets(inner)]),
  )
}
