import type { MembershipVerdict } from '../../identity/membership.ts'

/**
 * What a node has to do about its certificate. `enrol`: a join token is needed, `why` says what is wrong with the certificate.
 * `dueInSeconds`: until it is to be renewed.
 */
export type CertificateNeed =
  | { readonly kind: 'enrol'; readonly why: string }
  | { readonly kind: 'renew' }
  | { readonly kind: 'none'; readonly dueInSeconds: number }

/** Renewal begins after two thirds of the life, and is spread over a tenth of it. */
const RENEWAL_SHARE = 2 / 3
const JITTER_SHARE = 1 / 10
/** After the cluster got a new signing key, all certificates are renewed within so long: the old one is to go. */
const ROTATION_SPREAD_SECONDS = 300

export interface CertificateClock {
  /** Unix seconds. */
  readonly now: number
  /** 0 to 1, by chance: nodes that came together do not renew together. */
  readonly jitter: number
  /** The key that signs new certificates, and since when that was told; `undefined` where that is not known. */
  readonly signing: { readonly keyId: string; readonly toldAt: number } | undefined
}

/** @param verdict - of the trust of this node, about its own certificate */
export function certificateNeed(
  verdict: MembershipVerdict,
  { now, jitter, signing }: CertificateClock,
): CertificateNeed {
  if (verdict.kind === 'refused') return needOfRefused(verdict)
  const { notBefore, notAfter, signer } = verdict.membership
  const life = notAfter - notBefore
  const dueAt = notBefore + life * (RENEWAL_SHARE + jitter * JITTER_SHARE)
  const isOld = signing !== undefined && signing.keyId !== signer
  const renewAt = isOld ? Math.min(dueAt, signing.toldAt + jitter * ROTATION_SPREAD_SECONDS) : dueAt
  return now >= renewAt ? { kind: 'renew' } : { kind: 'none', dueInSeconds: renewAt - now }
}

/** A certificate of the future says that a clock is wrong: a new one would not be better. */
function needOfRefused({
  reason,
  message,
}: Extract<MembershipVerdict, { kind: 'refused' }>): CertificateNeed {
  return reason === 'not-yet-valid'
    ? { kind: 'none', dueInSeconds: NOT_YET_VALID_RETRY_SECONDS }
    : { kind: 'enrol', why: message }
}

const NOT_YET_VALID_RETRY_SECONDS = 60
