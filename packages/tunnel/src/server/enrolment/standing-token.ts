import { JoinTokenError, StoredValueConflictError } from '../../errors.ts'
import type { ClusterKeys } from '../../identity/cluster-keys.ts'
import { type JoinToken, parseJoinTokens } from '../../identity/join-token.ts'
import { keyIdOf } from '../../identity/signed-document.ts'
import type { Trust } from '../../identity/trust.ts'
import type { StoredValue } from '../../state/stored-value.ts'

/**
 * Why a new standing token is due.
 *
 * - `missing`: there is none
 * - `unusable`: it is malformed, of an older version, or not for any node
 * - `other-cluster`: it is of another cluster
 * - `older-key`: another key than that of the token signs for the cluster now
 * - `revoked`: it was revoked
 * - `ending`: a third of its life is left at most
 */
export type TokenFault = 'missing' | 'unusable' | 'other-cluster' | 'older-key' | 'revoked' | 'ending'

/** What became of the standing token: `fault` is why it was made anew. */
export interface StandingToken {
  readonly token: JoinToken
  readonly fault?: TokenFault
}

/** Others may make it at the same time. */
const MAX_ATTEMPTS = 3
/** Of its life. */
const ENDING = 1 / 3

/**
 * The join token that nodes of the cluster itself get, for as many as want it: the stored one as long as it is good,
 * else a new one, which is stored. Nodes that have joined don't need it any more.
 *
 * @throws {JoinTokenError} when other users can read it
 * @throws {EdgewayError} when it can't be read or written just now
 */
export async function keepStandingToken(
  stored: StoredValue,
  keys: ClusterKeys,
  validSeconds: number,
): Promise<StandingToken> {
  for (let attempt = 1; ; attempt++) {
    const found = judgeStandingToken(await textOf(stored), keys.trust)
    if (typeof found !== 'string') return { token: found }
    const token = keys.createToken({ uses: 'multi', validSeconds })
    try {
      await stored.write(`${token.text}\n`)
      return { token, fault: found }
    } catch (error) {
      if (!(error instanceof StoredValueConflictError) || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/** The token of what is stored, or what is wrong with it. */
export function judgeStandingToken(text: string | undefined, trust: Trust): JoinToken | TokenFault {
  if (text === undefined) return 'missing'
  const token = tokenOf(text)
  if (token === undefined || token.uses !== 'multi' || token.node !== undefined) return 'unusable'
  if (token.cluster !== trust.cluster) return 'other-cluster'
  const [signing] = trust.content?.roots ?? []
  if (signing === undefined || keyIdOf(token.root) !== keyIdOf(signing)) return 'older-key'
  if (trust.revocation('token', token.id) !== undefined) return 'revoked'
  return isEnding(token, trust.clock.now()) ? 'ending' : token
}

function isEnding({ issuedAt, notAfter }: JoinToken, now: number): boolean {
  return notAfter !== undefined && now >= notAfter - (notAfter - issuedAt) * ENDING
}

async function textOf(stored: StoredValue): Promise<string | undefined> {
  const text = (await stored.read())?.toString('utf8')
  const exposure = text === undefined ? undefined : await stored.exposure()
  if (exposure !== undefined) throw new JoinTokenError(`the join token in ${stored.place} ${exposure}`)
  return text
}

function tokenOf(text: string): JoinToken | undefined {
  try {
    return parseJoinTokens(text, 'the standing join token')[0]
  } catch (error) {
    // It is replaced: nobody but new nodes needs it.
    if (error instanceof JoinTokenError) return undefined
    throw error
  }
}
