import type { ForwardedHeaders } from '@edgeway/core'
import { FIELD } from './known-fields.ts'
import type { RequestHead } from './request-head.ts'

/**
 * Elements of `Forwarded` (RFC 7239, 4): pairs of a token and a token or quoted text; a host may lack its quotes. Each pair must end
 * where it ends, so that nothing is ever tried twice.
 */
const ELEMENTS =
  /^(?:[;, \t]|[!#$%&'*+.^_`|~0-9A-Za-z-]+=(?:"(?:[^"\\]|\\.)*"|[!#$%&'*+.^_`|~0-9A-Za-z:[\]-]+)(?=[;, \t]|$))*$/

/**
 * Lines that tell the endpoint who called, for `extraLines` of an outgoing request; '' where nothing is to be told. What the client
 * sent stays and comes first: an endpoint must go by the last element, or by as many as it has proxies of its own. Where the client
 * sent `Forwarded`, that is extended, too, lest an endpoint that prefers it hears of the client only.
 */
export function forwardedLines(mode: ForwardedHeaders, head: RequestHead, clientIp: string): string {
  if (mode === 'off') return ''
  const ip = bareAddress(clientIp)
  const isBoth = mode === 'both' || (head.fields.seen & FIELD.forwarded) !== 0
  if (mode === 'forwarded') return forwardedLine(head, ip)
  return isBoth ? `${forwardedForLine(head, ip)}${forwardedLine(head, ip)}` : forwardedForLine(head, ip)
}

function forwardedForLine(head: RequestHead, ip: string): string {
  const earlier = head.fields.known(FIELD.forwardedFor)
  return `X-Forwarded-For: ${joined(earlier, ip)}\r\n`
}

function forwardedLine(head: RequestHead, ip: string): string {
  const earlier = head.fields.known(FIELD.forwarded)
  const own = ip.includes(':') ? `for="[${ip}]"` : `for=${ip}`
  // A quote that is not closed would swallow what comes after it.
  const isSound = earlier !== undefined && ELEMENTS.test(earlier)
  return `Forwarded: ${joined(isSound ? earlier : undefined, own)}\r\n`
}

function joined(earlier: string | undefined, own: string): string {
  return earlier === undefined || earlier === '' ? own : `${earlier}, ${own}`
}

/** Without the zone of a link-local address, and IPv4 as IPv4, however the socket tells it. */
function bareAddress(ip: string): string {
  if (ip.startsWith('::ffff:') && ip.includes('.')) return ip.slice('::ffff:'.length)
  const zone = ip.indexOf('%')
  return zone === -1 ? ip : ip.slice(0, zone)
}
