import type { Service } from '../model/service.ts'
import { BALANCING_ANNOTATION, BALANCING_ANNOTATION_VALUES } from './service-annotations.ts'

/** How an endpoint is chosen among those that are eligible. `client-ip` is Kubernetes' session affinity. */
export type BalancingPolicy =
  | { readonly kind: 'random' | 'round-robin' | 'source-ip-hash' }
  | { readonly kind: 'client-ip'; readonly timeoutSeconds: number }

/** Session affinity comes first; without any wish, endpoints are chosen at random. */
export function balancingPolicyOf({
  clientIpAffinitySeconds,
  annotations,
}: Pick<Service, 'clientIpAffinitySeconds' | 'annotations'>): BalancingPolicy {
  if (clientIpAffinitySeconds !== undefined)
    return { kind: 'client-ip', timeoutSeconds: clientIpAffinitySeconds }
  const wish = annotations[BALANCING_ANNOTATION]
  return { kind: BALANCING_ANNOTATION_VALUES.find((known) => known === wish) ?? 'random' }
}
