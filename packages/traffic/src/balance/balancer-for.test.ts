import type { BalancingPolicy } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { balancerFor } from './balancer-for.ts'
import { BoundedConsistentHash } from './bounded-consistent-hash.ts'
import { ClientIpAffinity } from './client-ip-affinity.ts'
import { LeastConnections } from './least-connections.ts'
import { PowerOfTwoChoices } from './power-of-two-choices.ts'
import { weighted } from './test/candidates.ts'
import { WeightedRandom } from './weighted-random.ts'
import { WeightedRoundRobin } from './weighted-round-robin.ts'

const OF_KIND = {
  random: WeightedRandom,
  'round-robin': WeightedRoundRobin,
  'least-connections': LeastConnections,
  'peak-ewma': PowerOfTwoChoices,
  'source-ip-hash': BoundedConsistentHash,
  'client-ip': ClientIpAffinity,
}

describe('balancerFor', () => {
  it.each(Object.keys(OF_KIND) as BalancingPolicy['kind'][])('makes the balancer of %s', (kind) => {
    const policy = kind === 'client-ip' ? { kind, timeoutSeconds: 30 } : { kind }

    expect(balancerFor(policy, { now: () => 0, random: () => 0 })).toBeInstanceOf(OF_KIND[kind])
  })

  it('takes the timeout of the policy in seconds', () => {
    let [now, chance] = [0, 0]
    const deps = { now: () => now, random: () => chance }
    const balancer = balancerFor({ kind: 'client-ip', timeoutSeconds: 30 }, deps)
    const pick = (): string => balancer.pick(weighted({ a: 1, b: 1 }), '192.0.2.7').key
    pick()
    chance = 0.5

    now = 29_999
    expect(pick()).toBe('a')
    now += 30_000
    expect(pick()).toBe('b')
  })
})
