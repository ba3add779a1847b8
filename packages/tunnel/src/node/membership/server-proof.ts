import { type MembershipVerdict, readMembership } from '../../identity/membership.ts'
import type { Trust } from '../../identity/trust.ts'
import type { NodeIdentity } from './node-identity.ts'

/** What a tunnel server shows of itself. */
export interface ServerProof {
  /** As the connection has proven it. */
  readonly peerId: string
  readonly certificate: string
}

/**
 * Whether that is a tunnel server of the cluster. A node whose clock is known to be behind takes the time from it: that the
 * certificate is the cluster's is found before its times are looked at.
 */
export function judgeServer(
  { peerId, certificate }: ServerProof,
  trust: Trust,
  identity: Pick<NodeIdentity, 'isClockBehind' | 'clock'>,
): MembershipVerdict {
  const verdict = trust.judge(certificate, { peerId, role: 'server' })
  if (verdict.kind === 'member' || verdict.reason !== 'not-yet-valid' || !identity.isClockBehind)
    return verdict
  identity.clock.see(readMembership(certificate).membership.issuedAt)
  return trust.judge(certificate, { peerId, role: 'server' })
}
