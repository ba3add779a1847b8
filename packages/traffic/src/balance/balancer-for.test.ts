import type { BalancingPolicy, CookieHash, HeaderHash } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import type { Candidate } from './balancer.ts'
import { balancerFor } from './balancer-for.ts'
import { BoundedConsistentHash } from './bounded-consistent-hash.ts'
import { ClientIpAffinity } from './client-ip-affinity.ts'
import { LeastConnections } from './least-connections.ts'
import { PowerOfTwoChoices } from './power-of-two-choices.ts'
import { notEmpty, weighted } from './test/candidates.ts'
import { WeightedRandom } from './weighted-random.ts'
import { WeightedRoundRobin } from './weighted-round-robin.ts'

const IDLE = { now: () => 0, random: () => 0 }
const HEADER_HASH: HeaderHash = { kind: 'header-hash', header: 'x-user' }
const COOKIE_HASH: CookieHash = {
  kind: 'cookie-hash',
  cookie: { name: 'stick', path: undefined, ttlSeconds: undefined, sameSite: undefined },
}

/** One has a hundred thousand flows, the others none. */
function busy(key: string): readonly [Candidate, ...Candidate[]] {
  const candidates = weighted({ a: 1, b: 1, c: 1 })
  return notEmpty(candidates.map((one) => ({ ...one, openFlows: one.key === key ? 100_000 : 0 })))
}

const OF_POLICY: readonly (readonly [BalancingPolicy, new (...args: never[]) => object])[] = [
  [{ kind: 'random' }, WeightedRandom],
  [{ kind: 'round-robin' }, WeightedRoundRobin],
  [{ kind: 'least-connections' }, LeastConnections],
  [{ kind: 'peak-ewma' }, PowerOfTwoChoices],
  [{ kind: 'source-ip-hash' }, BoundedConsistentHash],
  [{ kind: 'server-name-hash' }, BoundedConsistentHash],
  [HEADER_HASH, BoundedConsistentHash],
  [COOKIE_HASH, BoundedConsistentHash],
  [{ kind: 'client-ip', timeoutSeconds: 30 }, ClientIpAffinity],
]

describe('balancerFor', () => {
  it.each(OF_POLICY)('makes the balancer of %j', (policy, balancer) => {
    expect(balancerFor(policy, IDLE)).toBeInstanceOf(balancer)
  })

  it.each([HEADER_HASH, COOKIE_HASH])(
    'keeps a user where its session is, however busy that is: %j',
    (policy) => {
      const balancer = balancerFor(policy, IDLE)
      const own = balancer.pick(weighted({ a: 1, b: 1, c: 1 }), 'ann').key

      expect(balancer.pick(busy(own), 'ann').key).toBe(own)
    },
  )

  it.each(['source-ip-hash', 'server-name-hash'] as const)(
    'sends others on from who is too busy: %s',
    (kind) => {
      const balancer = balancerFor({ kind }, IDLE)
      const own = balancer.pick(weighted({ a: 1, b: 1, c: 1 }), '192.0.2.7').key

      expect(balancer.pick(busy(own), '192.0.2.7').key).not.toBe(own)
    },
  )

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
