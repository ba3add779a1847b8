import type { NodeName } from '@edgeway/core'

/** Node names are DNS subdomains. @see RFC 1123, section 2.1 */
export function isNodeName(text: string): text is NodeName {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)
}

/** What a tunnel server is called. @param key - of `recordKey`: 16 hexadecimal digits */
export function serverNodeName(key: string): NodeName {
  return `${SERVER_PREFIX}${key}` as NodeName
}

/** Whether a tunnel server could be called so: no agent may. */
export function isServerNodeName(node: string): boolean {
  return node.startsWith(SERVER_PREFIX) && /^[0-9a-f]{16}$/.test(node.slice(SERVER_PREFIX.length))
}

const SERVER_PREFIX = 'tunnel-server-'
