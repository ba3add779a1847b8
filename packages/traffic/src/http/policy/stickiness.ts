import type { BalancingPolicy, CookieHash, HeaderHash } from '@edgeway/core'
import type { RequestFacts, RouteReason } from './request-route.ts'
import { cookieValue, newCookieValue, setCookieOf } from './sticky-cookie.ts'

/** What a request must stay together with others by, and why. */
export interface Stickiness {
  /** For the picker; `undefined`: its client's address. */
  readonly key: string | undefined
  readonly why: Exclude<RouteReason, 'retry'>
  /** For the client to bring along with its next request. */
  readonly setCookie: string | undefined
}

const BALANCED: Stickiness = { key: undefined, why: 'balancing', setCookie: undefined }
const BY_SOURCE: Stickiness = { ...BALANCED, why: 'source-ip-hash' }
const BY_CLIENT: Stickiness = { ...BALANCED, why: 'client-affinity' }

/**
 * By header or cookie only its value counts, whoever calls: so a request comes to the same endpoint from everywhere and after
 * a restart. A request without that header goes anywhere. One without that cookie is given one, which counts for itself, too,
 * unless that is the application's own: then it goes anywhere.
 *
 * @param random - from 0 to below 1, evenly
 */
export function stickinessOf(
  policy: BalancingPolicy,
  request: RequestFacts,
  random: () => number,
): Stickiness {
  switch (policy.kind) {
    case 'header-hash':
      return byHeader(policy, request, random)
    case 'cookie-hash':
      return byCookie(policy, request, random)
    case 'source-ip-hash':
    // There is no server name without TLS.
    case 'server-name-hash':
      return BY_SOURCE
    case 'client-ip':
      return BY_CLIENT
    default:
      return BALANCED
  }
}

function byHeader({ header }: HeaderHash, request: RequestFacts, random: () => number): Stickiness {
  const key = request.field(header)
  if (key === undefined) return { ...BALANCED, key: String(random()) }
  return { key, why: 'header-hash', setCookie: undefined }
}

function byCookie(
  { cookie, isForeign }: CookieHash,
  request: RequestFacts,
  random: () => number,
): Stickiness {
  const known = cookieValue(cookiesOf(request), cookie.name)
  if (known !== undefined) return { key: known, why: 'cookie-hash', setCookie: undefined }
  if (isForeign === true) return { ...BALANCED, key: String(random()) }
  const key = newCookieValue()
  return { key, why: 'cookie-hash', setCookie: setCookieOf(cookie, key) }
}

function cookiesOf(request: RequestFacts): readonly string[] {
  if (request.allFields !== undefined) return request.allFields('cookie')
  const first = request.field('cookie')
  return first === undefined ? [] : [first]
}
