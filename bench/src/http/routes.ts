import { HTTP_PORT } from '../probes/wrk.ts'

/** Where the servers of each protocol listen, in every pod; proxies and Services have the same ports. */
export const HTTP_PORTS = { http: HTTP_PORT, http2: 8082, grpc: 8083 } as const

/** Pods on the client's node that serve. */
export const ORIGINS = ['web-1', 'web-2', 'web-3'] as const

/** Requests with equal values of it go to the same endpoint where that is wished. */
export const HASH_HEADER = 'x-user'

/** One thing that clients call, by any of the ways: a Service of ours, an address of haproxy's, an address of nginx's. */
export interface HttpRoute {
  readonly name: RouteName
  readonly protocol: keyof typeof HTTP_PORTS
  readonly origins: readonly string[]
  readonly isHashed: boolean
}

const ROUTE_NAMES = ['one', 'three', 'hash', 'streams', 'calls'] as const

export type RouteName = (typeof ROUTE_NAMES)[number]

const [FIRST] = ORIGINS

/** HTTP/1.1 to one endpoint, to three, to three by the hash of a header; HTTP/2 to three; gRPC to one. */
export const ROUTES: readonly HttpRoute[] = [
  { name: 'one', protocol: 'http', origins: [FIRST], isHashed: false },
  { name: 'three', protocol: 'http', origins: ORIGINS, isHashed: false },
  { name: 'hash', protocol: 'http', origins: ORIGINS, isHashed: true },
  { name: 'streams', protocol: 'http2', origins: ORIGINS, isHashed: false },
  { name: 'calls', protocol: 'grpc', origins: [FIRST], isHashed: false },
]

/** A proxy's address for a route is its prefix and then that number. */
export function numberOf(name: RouteName): number {
  return ROUTE_NAMES.indexOf(name) + 1
}
