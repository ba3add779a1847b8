import { formatNatType, type NatType } from '../nat-type.ts'
import type { PeerRecord } from '../records/peer-record.ts'
import type { NodeIdentity } from './membership/node-identity.ts'

interface Parts {
  readonly identity: NodeIdentity
  /** As it was published last. */
  readonly own: PeerRecord | undefined
  /** How many others are known. */
  readonly peers: number
  readonly servers: readonly unknown[]
  readonly nat: NatType
}

/** The section `tunnel` of `/statusz`. */
export function memberStatus({
  identity,
  own,
  peers,
  servers,
  nat,
}: Parts): Readonly<Record<string, unknown>> {
  const { node, peerId, trust, verdict } = identity
  return {
    node,
    cluster: trust?.cluster ?? null,
    peer: peerId,
    certificate: certificateStatus(identity),
    ...(verdict.kind === 'refused' ? { trouble: { reason: verdict.reason, message: verdict.message } } : {}),
    trustSerial: trust?.serial ?? 0,
    reachedAt: own === undefined ? null : { lan: own.lan, direct: own.direct, egress: own.egress },
    nat: formatNatType(nat),
    servers,
    peers,
  }
}

function certificateStatus({ membership, need, clock }: NodeIdentity): unknown {
  if (membership === undefined) return null
  const { issuedAt, notAfter, signer } = membership
  const renewal = need.kind === 'none' ? isoTime(clock.now() + need.dueInSeconds) : need.kind
  return { from: isoTime(issuedAt), until: isoTime(notAfter), signer, renewal }
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1_000).toISOString()
}
