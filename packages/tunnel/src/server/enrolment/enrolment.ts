import type { NodeName } from '@edgeway/core'
import { JoinTokenError } from '../../errors.ts'
import { type JoinToken, parseJoinToken } from '../../identity/join-token.ts'
import { CLOCK_SKEW_SECONDS, type Membership, type MembershipVerdict } from '../../identity/membership.ts'
import { isServerNodeName } from '../../identity/node-name.ts'
import type { Trust } from '../../identity/trust.ts'
import type { Enrol, EnrolmentRefusal } from '../../protocol/enrolment.ts'
import { MAX_MEMBERS } from '../../protocol/limits.ts'

/** A key that speaks for a node. */
export interface Holder {
  readonly node: NodeName
  readonly peerId: string
  /** Tunnel servers' names are never given away. */
  readonly role: Membership['role']
  /** Whether it is connected at some tunnel server, or was a few minutes ago. */
  readonly isRecent: boolean
}

/** What a decision is made from, as it is at that moment. */
export interface EnrolmentState {
  readonly trust: Pick<Trust, 'cluster' | 'isRoot' | 'revocation'>
  /** Unix seconds. */
  readonly now: number
  readonly memberCount: number
  /** The key that speaks for a node; `undefined` when none does. */
  holderOf(node: NodeName): Holder | undefined
  /** The node that a key speaks for already. */
  byPeerId(peerId: string): Holder | undefined
}

export type EnrolmentRefused = {
  readonly kind: 'refused'
  readonly reason: EnrolmentRefusal
  /** For people; says what can be done. */
  readonly message: string
}

export type EnrolmentDecision =
  | {
      readonly kind: 'granted'
      readonly token: JoinToken
      /** The key that loses the node's name: it was not seen for long. */
      readonly superseded: string | undefined
    }
  | EnrolmentRefused

/**
 * Whether a key becomes the one that speaks for a node. A name is taken from another key only when that was not seen for
 * a while: a reinstalled node gets its name back, a living one can't be pushed out.
 *
 * @param peerId - proven by the connection
 */
export function decideEnrolment(
  { node, token: text }: Pick<Enrol, 'node' | 'token'>,
  peerId: string,
  state: EnrolmentState,
): EnrolmentDecision {
  const token = readToken(text)
  if ('reason' in token) return token
  return (
    judgeToken(token, node, state) ??
    judgeRevocation(token, { node, peerId }, state) ??
    judgeHolders({ node, peerId }, state) ?? {
      kind: 'granted',
      token,
      superseded: rivalOf(node, peerId, state)?.peerId,
    }
  )
}

export type RenewalDecision = { readonly kind: 'granted'; readonly membership: Membership } | EnrolmentRefused

/**
 * Whether a certificate is renewed, by how it was judged for the key of the connection. Not where another key has the
 * node's name by now: the one that renews last would take it from the other, again and again.
 */
export function decideRenewal(
  verdict: MembershipVerdict,
  { holderOf }: Pick<EnrolmentState, 'holderOf'>,
): RenewalDecision {
  if (verdict.kind === 'member') {
    const { membership } = verdict
    const holder = holderOf(membership.node)
    if (holder === undefined || holder.peerId === membership.peerId) return { kind: 'granted', membership }
    return refused(
      'node-name-taken',
      `another key speaks for node ${membership.node} by now: ${holder.peerId}`,
    )
  }
  const { reason, message } = verdict
  switch (reason) {
    case 'revoked':
    case 'wrong-cluster':
      return refused(reason, message)
    case 'expired':
    case 'unknown-signer':
      return refused('expired', `${message}: the node needs a join token to come back`)
    default:
      return refused('bad-request', message)
  }
}

function readToken(text: string): JoinToken | EnrolmentRefused {
  try {
    return parseJoinToken(text)
  } catch (error) {
    if (!(error instanceof JoinTokenError)) throw error
    return refused('wrong-token', error.message)
  }
}

function judgeToken(
  token: JoinToken,
  node: NodeName,
  { trust, now }: EnrolmentState,
): EnrolmentRefused | undefined {
  if (token.cluster !== trust.cluster) {
    return refused('wrong-cluster', `the join token is of cluster ${token.cluster}, not ${trust.cluster}`)
  }
  if (!trust.isRoot(token.root)) {
    return refused(
      'wrong-token',
      `join token ${token.id} is signed by a key that the cluster does not trust (any more)`,
    )
  }
  if (trust.revocation('token', token.id) !== undefined) {
    return refused('token-revoked', `join token ${token.id} was revoked: make a new one`)
  }
  if (token.notAfter !== undefined && now > token.notAfter + CLOCK_SKEW_SECONDS) {
    const end = new Date(token.notAfter * 1_000).toISOString()
    return refused('token-expired', `join token ${token.id} ended at ${end}: make a new one`)
  }
  if (token.node === undefined || token.node === node) return undefined
  return refused('token-for-another-node', `join token ${token.id} lets node ${token.node} in, not ${node}`)
}

function judgeRevocation(
  token: JoinToken,
  { node, peerId }: Pick<Holder, 'node' | 'peerId'>,
  { trust }: EnrolmentState,
): EnrolmentRefused | undefined {
  if (trust.revocation('peer', peerId) !== undefined) {
    return refused('revoked', `the key ${peerId} was revoked: delete it to get a new one`)
  }
  const revocation = trust.revocation('node', node)
  if (revocation === undefined) return undefined
  // Somebody means this node to come back: the token was made for it, and later.
  if (token.node === node && token.issuedAt > revocation.at) return undefined
  return refused('revoked', `node ${node} was revoked: readmit it, or make a join token for this node`)
}

function judgeHolders(
  { node, peerId }: Pick<Holder, 'node' | 'peerId'>,
  state: EnrolmentState,
): EnrolmentRefused | undefined {
  const rival = rivalOf(node, peerId, state)
  if (rival?.role === 'server' || isServerNodeName(node))
    return refused('node-name-taken', `${node} is the name of a tunnel server`)
  if (rival?.isRecent === true) {
    return refused(
      'node-name-taken',
      `another key speaks for node ${node} and was connected just now: ${rival.peerId}`,
    )
  }
  const former = state.byPeerId(peerId)
  if (former !== undefined && former.node !== node && former.isRecent) {
    return refused(
      'key-in-use',
      `this key speaks for node ${former.node}, which was connected just now: is it a copy?`,
    )
  }
  if (former !== undefined || rival !== undefined || state.memberCount < MAX_MEMBERS) return undefined
  return refused('server-full', `the cluster has ${MAX_MEMBERS} members: revoke those that are gone`)
}

function rivalOf(node: NodeName, peerId: string, state: EnrolmentState): Holder | undefined {
  const holder = state.holderOf(node)
  return holder?.peerId === peerId ? undefined : holder
}

export function refused(reason: EnrolmentRefusal, message: string): EnrolmentRefused {
  return { kind: 'refused', reason, message }
}
