import type { NodeName } from '@edgeway/core'
import { expect, it } from 'vitest'
import type { ClusterId, MembershipVerdict } from '../../identity/membership.ts'
import { certificateNeed } from './certificate-need.ts'

const START = 1_000_000
const LIFE = 30_000

const member: MembershipVerdict = {
  kind: 'member',
  membership: {
    cluster: '0123456789abcdef' as ClusterId,
    node: 'edge-1' as NodeName,
    peerId: 'P1',
    role: 'agent',
    labels: {},
    issuedAt: START,
    notBefore: START,
    notAfter: START + LIFE,
    signer: 'first',
  },
}

function needAfter(seconds: number, jitter = 0, signing?: { keyId: string; toldAt: number }) {
  return certificateNeed(member, { now: START + seconds, jitter, signing })
}

it('renews a certificate from two thirds of its life on, each node a little later than another', () => {
  expect(needAfter(0)).toEqual({ kind: 'none', dueInSeconds: 20_000 })
  expect(needAfter(19_999)).toEqual({ kind: 'none', dueInSeconds: 1 })
  expect(needAfter(20_000)).toEqual({ kind: 'renew' })
  expect(needAfter(20_000, 1)).toEqual({ kind: 'none', dueInSeconds: 3_000 })
})

it('renews within five minutes when the cluster has another signing key', () => {
  const signing = { keyId: 'second', toldAt: START + 100 }
  expect(needAfter(100, 0, signing)).toEqual({ kind: 'renew' })
  expect(needAfter(100, 0.5, signing)).toEqual({ kind: 'none', dueInSeconds: 150 })
  expect(needAfter(250, 0.5, signing)).toEqual({ kind: 'renew' })
  expect(needAfter(100, 0.5, { ...signing, keyId: 'first' })).toMatchObject({ kind: 'none' })
})

it.each(['no-certificate', 'expired', 'revoked', 'unknown-signer'] as const)(
  'needs a join token when its certificate is refused as %s',
  (reason) => {
    const verdict = { kind: 'refused', reason, message: 'so it is' } as const
    expect(certificateNeed(verdict, { now: START, jitter: 0, signing: undefined })).toEqual({
      kind: 'enrol',
      why: 'so it is',
    })
  },
)

it('waits when its certificate is of the future: another one would be, too', () => {
  const verdict = { kind: 'refused', reason: 'not-yet-valid', message: 'a clock is wrong' } as const
  expect(certificateNeed(verdict, { now: START, jitter: 0, signing: undefined })).toMatchObject({
    kind: 'none',
  })
})
