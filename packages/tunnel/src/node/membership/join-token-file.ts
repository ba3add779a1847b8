import { JoinTokenError, type JoinTokenTrouble } from '../../errors.ts'
import { HOW_TO_GET_ONE, type JoinToken, parseJoinToken } from '../../identity/join-token.ts'
import type { ClusterId } from '../../identity/membership.ts'
import { PrivateFile } from '../../state/private-file.ts'

/** What this node may enrol with, and what of its join token file it can't use. */
export interface UsableTokens {
  /** In the order of the file. */
  readonly tokens: readonly JoinToken[]
  /** A reason for each line that was skipped, and the same for people; without the token. */
  readonly skipped: readonly SkippedToken[]
}

interface SkippedToken {
  readonly reason: JoinTokenTrouble
  readonly message: string
}

export interface TokenWish {
  /** The cluster that this node belongs to; `undefined` while it belongs to none. */
  readonly cluster: ClusterId | undefined
  readonly node: string
}

/**
 * The tokens of the file that this node may use: one a line; empty lines and lines that start with `#` don't count.
 *
 * @throws {JoinTokenError} when none is usable; the message says why for each line
 */
export async function readJoinTokenFile(path: string, wish: TokenWish): Promise<UsableTokens> {
  const place = `join token file ${path}`
  const text = (await new PrivateFile(path).read())?.toString('utf8')
  if (text === undefined) throw new JoinTokenError(`${place} is missing: ${HOW_TO_GET_ONE}`, NONE)
  const usable = usableTokens(text, wish)
  if (usable.tokens.length > 0) return usable
  const [first, ...others] = usable.skipped
  if (first === undefined) throw new JoinTokenError(`${place} is empty: ${HOW_TO_GET_ONE}`, NONE)
  const why = usable.skipped.map(({ message }) => message).join('; ')
  throw new JoinTokenError(`${place} holds no token that this node can use (${why}): ${HOW_TO_GET_ONE}`, {
    reason: others.every(({ reason }) => reason === first.reason) ? first.reason : 'wrong-token',
  })
}

const NONE = { reason: 'no-token' } as const

export function usableTokens(text: string, wish: TokenWish): UsableTokens {
  const tokens: JoinToken[] = []
  const skipped: SkippedToken[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const token = usable(trimmed, wish)
    if ('id' in token) tokens.push(token)
    else skipped.push({ ...token, message: `line ${index + 1}: ${token.message}` })
  }
  return { tokens, skipped }
}

/** The token of a line, or why it can't be used. */
function usable(line: string, wish: TokenWish): JoinToken | SkippedToken {
  try {
    const token = parseJoinToken(line)
    return problemOf(token, wish) ?? token
  } catch (error) {
    if (error instanceof JoinTokenError) return { reason: error.reason, message: error.message }
    throw error
  }
}

/** The server has the last word about times: it alone knows whether the clock here is right. */
function problemOf({ cluster, node }: JoinToken, wish: TokenWish): SkippedToken | undefined {
  if (wish.cluster !== undefined && cluster !== wish.cluster) {
    const how = 'to move it, delete identity.json and peers.json in its data folder'
    const message = `the token is of cluster ${cluster}, and this node belongs to cluster ${wish.cluster}; ${how}`
    return { reason: 'wrong-cluster', message }
  }
  if (node === undefined || node === wish.node) return undefined
  const message = `the token is for node ${node}, and this is ${wish.node}`
  return { reason: 'token-for-another-node', message }
}
