import type { CookieHash, HeaderHash } from '../model/destination-policy.ts'
import type { Service } from '../model/service.ts'
import { annotatedHash } from './request-annotations.ts'
import { BALANCING_ANNOTATION, BALANCING_ANNOTATION_VALUES } from './service-annotations.ts'

/**
 * How an endpoint is chosen among those that are eligible. `client-ip` is Kubernetes' session affinity; `peak-ewma` prefers
 * those that answer fast; `source-ip-hash` keeps a client with its endpoint as long as the others' share allows;
 * `server-name-hash` keeps TLS connections of one server name together, whoever calls.
 */
export type BalancingPolicy =
  | {
      readonly kind:
        | 'random'
        | 'round-robin'
        | 'least-connections'
        | 'peak-ewma'
        | 'source-ip-hash'
        | 'server-name-hash'
    }
  | HeaderHash
  | CookieHash
  | { readonly kind: 'client-ip'; readonly timeoutSeconds: number }

/** Those by which the kernel balances, too. */
export type KernelPolicy =
  | { readonly kind: 'random' | 'source-ip-hash' }
  | Extract<BalancingPolicy, { readonly kind: 'client-ip' }>

export function isKernelPolicy(policy: BalancingPolicy): policy is KernelPolicy {
  return policy.kind === 'random' || policy.kind === 'source-ip-hash' || policy.kind === 'client-ip'
}

/** Session affinity comes first, then the mesh's own annotations, then a DestinationRule; without any wish, it is random. */
export function balancingPolicyOf({
  clientIpAffinitySeconds,
  annotations,
  destinationPolicy,
}: Pick<Service, 'clientIpAffinitySeconds' | 'annotations' | 'destinationPolicy'>): BalancingPolicy {
  if (clientIpAffinitySeconds !== undefined)
    return { kind: 'client-ip', timeoutSeconds: clientIpAffinitySeconds }
  const wish = annotations[BALANCING_ANNOTATION]
  const kind = BALANCING_ANNOTATION_VALUES.find((known) => known === wish)
  if (kind !== undefined) return { kind }
  return annotatedHash(annotations) ?? destinationPolicy?.balancing ?? { kind: 'random' }
}
