import { describe, expect, it } from 'vitest'
import { type DestinationBalancing, NO_CONNECTION_POOL } from '../model/destination-policy.ts'
import { balancingPolicyOf, isKernelPolicy } from './balancing-policy.ts'

const LEAST: DestinationBalancing = { kind: 'least-connections' }

/** The policy of a Service of which these are said. */
function policyOf(
  annotation: string | undefined,
  destination: DestinationBalancing | undefined,
  clientIpAffinitySeconds?: number,
): ReturnType<typeof balancingPolicyOf> {
  return balancingPolicyOf({
    clientIpAffinitySeconds,
    annotations: annotation === undefined ? {} : { 'edgeway.io/balancing': annotation },
    destinationPolicy: {
      balancing: destination,
      connectionPool: NO_CONNECTION_POOL,
      outlierDetection: undefined,
    },
  })
}

describe('balancingPolicyOf', () => {
  it('is random without any wish', () => {
    const service = { clientIpAffinitySeconds: undefined, annotations: {}, destinationPolicy: undefined }

    expect(balancingPolicyOf(service)).toEqual({ kind: 'random' })
    expect(policyOf(undefined, undefined)).toEqual({ kind: 'random' })
  })

  it('goes by session affinity before the annotation, by that before the policy of the destination', () => {
    expect(policyOf('round-robin', LEAST, 30)).toEqual({
      kind: 'client-ip',
      timeoutSeconds: 30,
    })
    expect(policyOf('round-robin', LEAST)).toEqual({ kind: 'round-robin' })
    expect(policyOf(undefined, LEAST)).toEqual({ kind: 'least-connections' })
  })

  it.each(['random', 'round-robin', 'least-connections', 'peak-ewma', 'source-ip-hash'])(
    'knows the annotation %s',
    (wish) => {
      expect(policyOf(wish, undefined)).toEqual({ kind: wish })
    },
  )

  it('passes over an annotation that it does not know', () => {
    expect(policyOf('client-ip', { kind: 'round-robin' })).toEqual({ kind: 'round-robin' })
    expect(policyOf('', undefined)).toEqual({ kind: 'random' })
  })
})

describe('isKernelPolicy', () => {
  it('holds for those by which the kernel balances', () => {
    const kinds = ['random', 'round-robin', 'least-connections', 'peak-ewma', 'source-ip-hash'] as const

    expect(kinds.filter((kind) => isKernelPolicy({ kind }))).toEqual(['random', 'source-ip-hash'])
    expect(isKernelPolicy({ kind: 'client-ip', timeoutSeconds: 30 })).toBe(true)
  })
})
