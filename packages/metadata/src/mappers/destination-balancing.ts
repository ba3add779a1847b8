import {
  type CookieHash,
  type DestinationBalancing,
  isCookiePath,
  isToken,
  MAX_COOKIE_TTL_SECONDS,
} from '@edgeway/core'
import type { DurationBounds, LenientFields } from './lenient-fields.ts'

const OF_SIMPLE: Readonly<Record<string, DestinationBalancing | undefined>> = {
  '': undefined,
  UNSPECIFIED: undefined,
  ROUND_ROBIN: { kind: 'round-robin' },
  RANDOM: { kind: 'random' },
  LEAST_REQUEST: { kind: 'least-connections' },
  LEAST_CONN: { kind: 'least-connections' },
}

const TTL: DurationBounds = { min: '0s', max: `${MAX_COOKIE_TTL_SECONDS / 3_600}h` }

/**
 * How a DestinationRule wishes an endpoint to be chosen; what can't be done is left out and noted.
 *
 * @param balancer - `spec.trafficPolicy.loadBalancer`, where there is one
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings
 */
export function readBalancing(balancer: LenientFields | undefined): DestinationBalancing | undefined {
  if (balancer === undefined) return undefined
  const simple = readSimple(balancer)
  const hash = readHash(balancer.child('consistentHash'))
  balancer.refuseOthers()
  return simple ?? hash
}

function readSimple(balancer: LenientFields): DestinationBalancing | undefined {
  const simple = balancer.string('simple')
  if (simple === undefined) return undefined
  if (simple === 'PASSTHROUGH') balancer.refuse('simple', 'PASSTHROUGH')
  else if (!Object.hasOwn(OF_SIMPLE, simple))
    balancer.wrong('simple', simple, { expected: 'ROUND_ROBIN, RANDOM, LEAST_REQUEST or LEAST_CONN' })
  else return OF_SIMPLE[simple]
  return undefined
}

/** Istio's API server lets nobody name two; should two be named all the same, the first of these holds. */
function readHash(hash: LenientFields | undefined): DestinationBalancing | undefined {
  if (hash === undefined) return undefined
  const wishes = [
    ['httpHeaderName', readHeaderHash(hash)],
    ['httpCookie', readCookieHash(hash.child('httpCookie'))],
    ['useSourceIp', hash.boolean('useSourceIp') === true ? BY_SOURCE : undefined],
  ] as const
  const [first, ...others] = wishes.filter(([, wish]) => wish !== undefined)
  for (const [field] of others) hash.refuse(field, `${first?.[0]} comes first`, 'ignored')
  hash.refuseOthers()
  return first?.[1]
}

const BY_SOURCE: DestinationBalancing = { kind: 'source-ip-hash' }

function readHeaderHash(hash: LenientFields): DestinationBalancing | undefined {
  const name = hash.string('httpHeaderName') ?? ''
  if (name === '') return undefined
  if (isToken(name)) return { kind: 'header-hash', header: name.toLowerCase() }
  hash.wrong('httpHeaderName', name, { expected: 'the name of a header' })
  return undefined
}

/** Without `ttl` the cookie is the application's own; `0s` is one that lasts until the browser ends. */
function readCookieHash(cookie: LenientFields | undefined): CookieHash | undefined {
  if (cookie === undefined) return undefined
  const name = cookie.string('name') ?? ''
  const path = readPath(cookie)
  const ttlMs = cookie.durationMs('ttl', TTL)
  const isForeign = cookie.isEmpty('ttl')
  cookie.refuseOthers()
  if (!isToken(name)) {
    cookie.wrong('name', name, { expected: 'the name of a cookie' })
    return undefined
  }
  const ttlSeconds = Math.ceil((ttlMs ?? 0) / 1_000) || undefined
  const issued: CookieHash = { kind: 'cookie-hash', cookie: { name, path, ttlSeconds, sameSite: undefined } }
  return isForeign ? { ...issued, isForeign } : issued
}

function readPath(cookie: LenientFields): string | undefined {
  const path = cookie.string('path') ?? ''
  if (path === '') return undefined
  if (isCookiePath(path)) return path
  cookie.wrong('path', path, { expected: 'a path that begins with /' })
  return undefined
}
