import { isDeepStrictEqual } from 'node:util'
import type { Endpoint } from '@edgeway/core'

/** An endpoint as it is seen from this node. The same object goes on as long as nothing of it changes. */
export interface Sight {
  readonly endpoint: Endpoint
  /** Of its address. */
  readonly key: string
  /** Whether its own address leads to it; not, as far as is known, while its Node or this node's own is not known. */
  readonly reach: 'reachable' | 'far' | 'not known'
}

/** How endpoints of a Service are looked at. */
export interface Outlook {
  keyOf(endpoint: Endpoint): string
  reachOf(endpoint: Endpoint): Sight['reach']
}

/** @param before - of the same ServicePort, mostly in the same order */
export function sightsOf(
  endpoints: readonly Endpoint[],
  outlook: Outlook,
  before: readonly Sight[],
): readonly Sight[] {
  let byAddress: Map<string, Sight> | undefined
  return endpoints.map((endpoint, index) => {
    const reach = outlook.reachOf(endpoint)
    const isStill = (one: Sight | undefined): one is Sight =>
      one !== undefined && one.reach === reach && isSameEndpoint(one.endpoint, endpoint)
    const atIndex = before[index]
    if (isStill(atIndex)) return atIndex
    byAddress ??= new Map(before.map((one) => [placeOf(one.endpoint), one]))
    const elsewhere = byAddress.get(placeOf(endpoint))
    if (isStill(elsewhere)) return elsewhere
    return { endpoint, key: outlook.keyOf(endpoint), reach }
  })
}

/** Cheaper than to look into all of both: what is not plain is nearly always the same object. */
export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return PLAIN.every((field) => a[field] === b[field]) && NESTED.every((field) => isEqual(a[field], b[field]))
}

const PLAIN = [
  'ip',
  'node',
  'port',
  'protocol',
  'ready',
  'serving',
  'terminating',
  'zone',
  'hostname',
] as const satisfies readonly (keyof Endpoint)[]

const NESTED = ['pod', 'forZones'] as const satisfies readonly (keyof Endpoint)[]

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(a, b)
}

function placeOf({ node, ip }: Endpoint): string {
  return `${node ?? ''} ${ip}`
}
