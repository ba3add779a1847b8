import { createHash, timingSafeEqual } from 'node:crypto'
import type { JoinRefusal } from '../protocol/join-refusal.ts'
import { type Join, MAX_MEMBERS, REGISTRY_VERSION } from '../protocol/registry.ts'
import type { Member } from './member-store.ts'

/** What a decision is made from: the secret of the join token, who is a member, and who is connected just now. */
export interface AdmissionState {
  readonly secret: string
  readonly memberCount: number
  byNode(node: Member['node']): Member | undefined
  byPeerId(peerId: string): Member | undefined
  isConnected(peerId: string): boolean
}

export type Admission =
  | { readonly kind: 'known' }
  /** `replaced`: members that lose their place, since they are not connected. */
  | { readonly kind: 'new'; readonly replaced: readonly Member[] }
  | { readonly kind: 'refused'; readonly reason: JoinRefusal; readonly message: string }

/**
 * Whether a peer may speak for a node. A member needs no token again. Everybody else does, and takes a node name only
 * from a key that is not connected: a reinstalled node gets its name back, a living one can't be pushed out.
 *
 * @param peerId - proven by the connection
 */
export function decideAdmission(join: Join, peerId: string, state: AdmissionState): Admission {
  if (join.version !== REGISTRY_VERSION) {
    return refused(
      'unsupported-version',
      `registry version ${join.version} is unknown, use ${REGISTRY_VERSION}`,
    )
  }
  const holder = state.byNode(join.node)
  if (holder?.peerId === peerId) return { kind: 'known' }
  if (!isEqualSecret(join.token, state.secret)) {
    return refused(
      'wrong-token',
      "the join token is not this server's: copy it from there (its log says where it is)",
    )
  }
  if (holder !== undefined && state.isConnected(holder.peerId)) {
    return refused('node-name-taken', `another key speaks for node ${join.node} and is connected`)
  }
  const former = state.byPeerId(peerId)
  if (former !== undefined && state.isConnected(peerId)) {
    return refused(
      'key-in-use',
      `this key speaks for node ${former.node}, which is connected: is the key a copy?`,
    )
  }
  const replaced = [holder, former].filter((member) => member !== undefined)
  if (replaced.length === 0 && state.memberCount >= MAX_MEMBERS) {
    return refused(
      'server-full',
      `${MAX_MEMBERS} nodes are members: take those that are gone out of the list`,
    )
  }
  return { kind: 'new', replaced }
}

function refused(reason: JoinRefusal, message: string): Admission {
  return { kind: 'refused', reason, message }
}

/** In constant time; the hashes make the lengths equal. */
function isEqualSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
