import type { NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { createJoinToken, type JoinTokenFields } from '../../identity/join-token.ts'
import { type ClusterId, MEMBERSHIP_REFUSALS, type Membership } from '../../identity/membership.ts'
import { createSeed, keyIdOf, signerOfSeed } from '../../identity/signed-document.ts'
import type { RevocationKind } from '../../identity/trust-bundle.ts'
import { MAX_MEMBERS } from '../../protocol/limits.ts'
import { decideEnrolment, decideRenewal, type EnrolmentState, type Holder } from './enrolment.ts'

const NOW = 1_000_000
const CLUSTER = '0123456789abcdef' as ClusterId
const root = signerOfSeed(createSeed())
const edge1 = 'edge-1' as NodeName

function tokenOf(fields: Partial<JoinTokenFields> = {}, signer = root): string {
  return createJoinToken({ cluster: CLUSTER, uses: 'multi', issuedAt: NOW, ...fields }, signer).text
}

function holderOf(peerId: string, overrides: Partial<Holder> = {}): Holder {
  return { node: edge1, peerId, role: 'agent', isRecent: true, ...overrides }
}

interface World {
  readonly holders?: readonly Holder[]
  readonly revoked?: Partial<Record<RevocationKind, number>>
  readonly memberCount?: number
}

function stateOf({ holders = [], revoked = {}, memberCount = 0 }: World = {}): EnrolmentState {
  return {
    trust: {
      cluster: CLUSTER,
      isRoot: (key) => keyIdOf(key) === keyIdOf(root.publicKey),
      revocation: (kind, value) => {
        const at = revoked[kind]
        return at === undefined ? undefined : { kind, value, at }
      },
    },
    now: NOW,
    memberCount,
    holderOf: (node) => holders.find((holder) => holder.node === node),
    byPeerId: (peerId) => holders.find((holder) => holder.peerId === peerId),
  }
}

function outcomeOf(token: string, state: EnrolmentState, peerId = 'one'): string {
  const decision = decideEnrolment({ node: edge1, token }, peerId, state)
  return decision.kind === 'granted' ? `granted, instead of ${decision.superseded}` : decision.reason
}

describe('an enrolment', () => {
  it.each([
    ['granted, instead of undefined', tokenOf(), {}],
    ['wrong-token', 'secret', {}],
    ['wrong-token', tokenOf({}, signerOfSeed(createSeed())), {}],
    ['wrong-cluster', tokenOf({ cluster: 'fedcba9876543210' as ClusterId }), {}],
    ['granted, instead of undefined', tokenOf({ notAfter: NOW - 600 }), {}],
    ['token-expired', tokenOf({ notAfter: NOW - 601 }), {}],
    ['token-revoked', tokenOf(), { revoked: { token: NOW } }],
    ['token-for-another-node', tokenOf({ node: 'edge-2' as NodeName }), {}],
    ['revoked', tokenOf(), { revoked: { peer: NOW } }],
    ['revoked', tokenOf(), { revoked: { node: NOW - 100 } }],
    ['revoked', tokenOf({ node: edge1, issuedAt: NOW - 100 }), { revoked: { node: NOW - 100 } }],
    ['granted, instead of undefined', tokenOf({ node: edge1 }), { revoked: { node: NOW - 100 } }],
    ['node-name-taken', tokenOf(), { holders: [holderOf('two')] }],
    ['granted, instead of two', tokenOf(), { holders: [holderOf('two', { isRecent: false })] }],
    ['node-name-taken', tokenOf(), { holders: [holderOf('two', { role: 'server', isRecent: false })] }],
    ['granted, instead of undefined', tokenOf(), { holders: [holderOf('one')] }],
    ['key-in-use', tokenOf(), { holders: [holderOf('one', { node: 'edge-2' as NodeName })] }],
    ['server-full', tokenOf(), { memberCount: MAX_MEMBERS }],
    ['granted, instead of undefined', tokenOf(), { memberCount: MAX_MEMBERS, holders: [holderOf('one')] }],
  ] satisfies [string, string, World][])('is %s', (expected, token, world) => {
    expect(outcomeOf(token, stateOf(world))).toBe(expected)
  })

  it('never gives away what tunnel servers are called', () => {
    const node = `tunnel-server-${'0123456789abcdef'}` as NodeName
    const decision = decideEnrolment({ node, token: tokenOf() }, 'one', stateOf())
    expect(decision).toMatchObject({ reason: 'node-name-taken' })
  })

  it('gives a key another name when it was not seen for a while under the former one', () => {
    const former = holderOf('one', { node: 'edge-2' as NodeName, isRecent: false })
    expect(outcomeOf(tokenOf(), stateOf({ holders: [former] }))).toBe('granted, instead of undefined')
  })
})

describe('a renewal', () => {
  it('is refused for a reason of enrolment, whatever is wrong with the certificate', () => {
    const reasons = MEMBERSHIP_REFUSALS.map((reason) => {
      const decision = decideRenewal({ kind: 'refused', reason, message: '' }, stateOf())
      return decision.kind === 'refused' ? `${reason}: ${decision.reason}` : reason
    })

    expect(reasons).toEqual(
      expect.arrayContaining([
        ...['expired: expired', 'unknown-signer: expired', 'revoked: revoked'],
        ...['wrong-cluster: wrong-cluster', 'wrong-key: bad-request'],
      ]),
    )
  })

  it('is not for a key whose node has another one by now', () => {
    const membership = { node: edge1, peerId: 'one' } as Membership
    const outcome = (holder: string) =>
      decideRenewal({ kind: 'member', membership }, stateOf({ holders: [holderOf(holder)] }))

    expect(outcome('one')).toEqual({ kind: 'granted', membership })
    expect(outcome('two')).toMatchObject({ reason: 'node-name-taken' })
  })
})
