import type { BalancingPolicy } from '@edgeway/core'
import type { Balancer } from './balancer.ts'
import { BoundedConsistentHash } from './bounded-consistent-hash.ts'
import { ClientIpAffinity } from './client-ip-affinity.ts'
import { LeastConnections } from './least-connections.ts'
import { PowerOfTwoChoices } from './power-of-two-choices.ts'
import { WeightedRandom } from './weighted-random.ts'
import { WeightedRoundRobin } from './weighted-round-robin.ts'

export interface BalancerDeps {
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /** From 0 to below 1, evenly. */
  random(): number
}

/** A new balancer of that policy, for one ServicePort: it remembers nothing yet. */
export function balancerFor(policy: BalancingPolicy, deps: BalancerDeps): Balancer {
  const random = (): number => deps.random()
  switch (policy.kind) {
    case 'random':
      return new WeightedRandom(random)
    case 'round-robin':
      return new WeightedRoundRobin(random)
    case 'least-connections':
      return new LeastConnections(random)
    case 'peak-ewma':
      return new PowerOfTwoChoices(random)
    case 'source-ip-hash':
    case 'server-name-hash':
      return new BoundedConsistentHash()
    // Users are to stay where their session is, however many others are there.
    case 'header-hash':
    case 'cookie-hash':
      return new BoundedConsistentHash(Number.POSITIVE_INFINITY)
    case 'client-ip':
      return new ClientIpAffinity({ timeoutMs: policy.timeoutSeconds * 1_000 }, deps)
  }
}
